#include "config/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"

#define MAX_TEXT_BYTES ((size_t)1024 * 1024)
#define MAX_DEPTH 32
#define MAX_NODES 100000
#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define READ_BYTES ((size_t)16384)

struct tree {
    struct arena arena;
    const char *name;
    const struct tree_node *root;
    size_t nodes;
};

/* What a parse needs at hand. */
struct builder {
    struct tree *tree;
    yaml_parser_t parser;
    size_t expanded_bytes; /* what ${…} brought in, all scalars together */
    struct error *err;
};

static bool fail_at(struct builder *b, yaml_mark_t mark, const char *what)
{
    return error_set(b->err, FAIL_CONFIG, "%s:%zu:%zu: %s", b->tree->name, mark.line + 1,
                     mark.column + 1, what);
}

/* libyaml's reason names no values, so nothing secret can be in it. */
static bool next_event(struct builder *b, yaml_event_t *event)
{
    if (yaml_parser_parse(&b->parser, event) != 0) {
        return true;
    }
    const char *problem = b->parser.problem == NULL ? "not YAML" : b->parser.problem;
    return fail_at(b, b->parser.problem_mark, problem);
}

/* ---- text ---- */

/* Line and column (in characters) of a byte. */
static yaml_mark_t mark_of(struct str text, size_t at)
{
    yaml_mark_t mark = {.index = at};
    for (size_t i = 0; i < at && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool pair = c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
        if ((c == '\n' || c == '\r') && !pair) {
            mark.line++;
            mark.column = 0;
        } else if ((c & 0xc0) != 0x80 && !pair) {
            mark.column++;
        }
    }
    return mark;
}

/* The length of the UTF-8 character at the beginning, its number in *out; 0: not UTF-8 (RFC 3629).
 */
static size_t utf8_char(struct str s, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)s.ptr[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead > 0xf4 || len == 0 || len > s.len) {
        return 0;
    }
    uint32_t c = len == 1 ? lead : lead & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)s.ptr[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | ((unsigned char)s.ptr[i] & 0x3fu);
    }
    *out = c;
    return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : len;
}

/* YAML 1.2 §5.1, c-printable. */
static bool is_printable(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f) || c == 0x85 ||
           (c >= 0xa0 && c != 0xfeff && c != 0xfffe && c != 0xffff);
}

static bool fail_text(struct builder *b, struct str text, size_t at, const char *what)
{
    return fail_at(b, mark_of(text, at), what);
}

static bool fail_char(struct builder *b, struct str text, size_t at, uint32_t c)
{
    char what[120];
    if (c == 0) {
        return fail_text(b, text, at, "a NUL byte: the file must be text; remove the byte");
    }
    if (c == 0xfeff) {
        return fail_text(b, text, at,
                         "a byte order mark inside of the text: remove the character U+FEFF");
    }
    (void)snprintf(what, sizeof what,
                   "the character U+%04X is not allowed in YAML: remove it, or write it as "
                   "\"\\u%04X\" in double quotes",
                   c, c);
    return fail_text(b, text, at, what);
}

/* The text must be UTF-8 of printable characters and not too long: said here, since libyaml gives
 * no place for it. */
static bool check_text(struct builder *b, struct str text)
{
    size_t end = text.len > MAX_TEXT_BYTES ? MAX_TEXT_BYTES : text.len;
    size_t at = 0;
    if (str_starts(text, STR("\xff\xfe")) || str_starts(text, STR("\xfe\xff"))) {
        return fail_text(b, text, 0, "the text is UTF-16 or UTF-32: save the file as UTF-8");
    }
    while (at < end) {
        uint32_t c = 0;
        size_t len = utf8_char(str_slice(text, at, text.len), &c);
        if (len == 0) {
            return fail_text(b, text, at, "a byte that is not UTF-8: save the file as UTF-8");
        }
        if (!is_printable(c)) {
            return fail_char(b, text, at, c);
        }
        at += len;
    }
    return text.len <= MAX_TEXT_BYTES ||
           fail_text(b, text, MAX_TEXT_BYTES,
                     "larger than 1 MiB: expected a job file; is it the right file?");
}

/* Reads a small file; of a larger one more than MAX_TEXT_BYTES. The caller owns out. */
static bool read_file(const char *path, struct buf *out, struct error *err)
{
    bool ok = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_os(err, "open %s", path);
        err->code = FAIL_CONFIG; /* whatever the reason: it is the user who named the file */
        return false;
    }
    while (!ok) {
        char *room = buf_room(out, READ_BYTES);
        must(room != NULL);
        ssize_t n = read(fd, room, READ_BYTES);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            error_os(err, "read %s", path);
            err->code = FAIL_CONFIG;
            break;
        }
        out->len += (size_t)n;
        ok = n == 0 || out->len > MAX_TEXT_BYTES;
    }
    (void)close(fd);
    return ok;
}

static bool put_file(struct builder *b, yaml_mark_t mark, struct str path, struct buf *out)
{
    struct buf content = BUF_INIT(MAX_TEXT_BYTES + 2 * READ_BYTES);
    char *cpath = mem_dup(path.ptr, path.len);
    bool ok = read_file(cpath, &content, b->err);
    if (ok && content.len > MAX_TEXT_BYTES) {
        ok = error_set(b->err, FAIL_CONFIG, "%s is larger than 1 MiB", cpath);
    }
    if (!ok) {
        error_in(b->err, "%s:%zu:%zu", b->tree->name, mark.line + 1, mark.column + 1);
    }
    mem_free(cpath);
    if (ok) {
        struct str text = buf_str(&content);
        if (str_ends(text, STR("\n"))) {
            text.len -= str_ends(text, STR("\r\n")) ? 2 : 1;
        }
        buf_put_str(out, text);
    }
    buf_release(&content);
    return ok;
}

static bool put_env(struct builder *b, yaml_mark_t mark, struct str name, struct buf *out)
{
    char *cname = mem_dup(name.ptr, name.len);
    const char *value = getenv(cname);
    bool ok = value != NULL ||
              error_set(b->err, FAIL_CONFIG, "%s:%zu:%zu: environment variable \"%s\" is not set",
                        b->tree->name, mark.line + 1, mark.column + 1, cname);
    mem_free(cname);
    if (ok) {
        buf_put_cstr(out, value);
    }
    return ok;
}

/* One reference, without its `${` and `}`. */
static bool put_reference(struct builder *b, yaml_mark_t mark, struct str ref, struct buf *out)
{
    if (str_starts(ref, STR("env:")) && ref.len > 4) {
        return put_env(b, mark, str_slice(ref, 4, ref.len), out);
    }
    if (str_starts(ref, STR("file:")) && ref.len > 5) {
        return put_file(b, mark, str_slice(ref, 5, ref.len), out);
    }
    return fail_at(b, mark, "expected ${env:NAME} or ${file:PATH}; a literal ${ is written $${");
}

/* Replaces ${…} and $${ in a text that has a `${`. What was put in is not looked at again. */
static bool expand(struct builder *b, yaml_mark_t mark, struct str text, struct tree_node *node)
{
    struct buf out = BUF_INIT(MAX_TEXT_BYTES);
    bool ok = true;
    while (ok && text.len > 0) {
        if (str_starts(text, STR("$${"))) {
            buf_put_cstr(&out, "${");
            text = str_slice(text, 3, text.len);
        } else if (str_starts(text, STR("${"))) {
            size_t end = str_find(text, '}');
            if (end == text.len) {
                ok = fail_at(b, mark, "${ without its }; a literal ${ is written $${");
            } else {
                ok = put_reference(b, mark, str_slice(text, 2, end), &out);
                node->secret = true;
                text = str_slice(text, end + 1, text.len);
            }
        } else {
            buf_put_byte(&out, (uint8_t)text.ptr[0]);
            text = str_slice(text, 1, text.len);
        }
    }
    b->expanded_bytes += out.len;
    if (ok && (out.failed || b->expanded_bytes > MAX_TEXT_BYTES)) {
        ok = fail_at(b, mark, "more than 1 MiB after ${…}");
    }
    if (ok && str_find(buf_str(&out), '\0') != out.len) {
        ok = fail_at(b, mark, "the value has a NUL byte");
    }
    if (ok) {
        node->text = arena_str(&b->tree->arena, buf_str(&out));
    }
    buf_release(&out);
    return ok;
}

static bool is_null(struct str text)
{
    return text.len == 0 || str_eq(text, STR("~")) || str_eq(text, STR("null")) ||
           str_eq(text, STR("Null")) || str_eq(text, STR("NULL"));
}

static bool build_scalar(struct builder *b, const yaml_event_t *event, struct tree_node *node)
{
    struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    node->kind = TREE_SCALAR;
    if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL) {
        return fail_at(b, event->start_mark, "anchors and tags are not allowed here");
    }
    if (str_find(text, '\0') != text.len) {
        return fail_at(b, event->start_mark, "the value has a NUL byte");
    }
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null(text)) {
        text = STR("");
    }
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.ptr[i] == '$' && text.ptr[i + 1] == '{') {
            return expand(b, event->start_mark, text, node);
        }
    }
    node->text = arena_str(&b->tree->arena, text);
    return true;
}

static bool build_node(struct builder *b, const yaml_event_t *event, unsigned depth,
                       struct tree_node *node);

struct children {
    struct tree_node *nodes;
    size_t count, cap;
};

static struct tree_node *add_child(struct children *list, struct str key, yaml_mark_t mark)
{
    VEC_ROOM(list->nodes, list->count, list->cap);
    struct tree_node *child = &list->nodes[list->count++];
    *child = (struct tree_node){.key = key,
                                .text = STR(""),
                                .line = (unsigned)mark.line + 1,
                                .column = (unsigned)mark.column + 1};
    return child;
}

/* The next event must be the key's value. */
static bool build_value(struct builder *b, unsigned depth, struct tree_node *child)
{
    yaml_event_t event;
    if (!next_event(b, &event)) {
        return false;
    }
    bool ok = build_node(b, &event, depth + 1, child);
    yaml_event_delete(&event);
    return ok;
}

static bool build_pair(struct builder *b, const yaml_event_t *event, unsigned depth,
                       struct map *seen, struct children *list)
{
    struct str key = {(const char *)event->data.scalar.value, event->data.scalar.length};
    if (event->type != YAML_SCALAR_EVENT || event->data.scalar.anchor != NULL ||
        event->data.scalar.tag != NULL) {
        return fail_at(b, event->start_mark, "a key must be plain text");
    }
    if (key.len == 0 || str_find(key, '\0') != key.len) {
        return fail_at(b, event->start_mark, "a key is empty or has a NUL byte");
    }
    key = arena_str(&b->tree->arena, key);
    struct tree_node *child = add_child(list, key, event->start_mark);
    const unsigned *line = map_get(seen, key);
    if (line != NULL) {
        return error_set(b->err, FAIL_CONFIG,
                         "%s:%u:%u: key \"%.*s\" is there twice, first on line %u", b->tree->name,
                         child->line, child->column, STR_FMT(str_slice(key, 0, 100)), *line);
    }
    unsigned *mine = arena_alloc(&b->tree->arena, sizeof(*mine));
    *mine = child->line;
    (void)map_put(seen, key, mine);
    return build_value(b, depth, child);
}

/* A map or a list up to its end event; depth is that of the node itself. */
static bool build_children(struct builder *b, unsigned depth, struct tree_node *node)
{
    struct children list = {0};
    struct map seen = {0};
    bool ok = depth < MAX_DEPTH ||
              error_set(b->err, FAIL_CONFIG, "%s:%u:%u: nested deeper than %d levels",
                        b->tree->name, node->line, node->column, MAX_DEPTH);
    yaml_event_type_t end =
        node->kind == TREE_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    bool more = ok;
    while (more) {
        yaml_event_t event;
        ok = next_event(b, &event);
        more = ok && event.type != end;
        if (more && node->kind == TREE_MAP) {
            ok = build_pair(b, &event, depth, &seen, &list);
        } else if (more) {
            ok = build_node(b, &event, depth + 1, add_child(&list, STR(""), event.start_mark));
        }
        more = more && ok;
        yaml_event_delete(&event); /* leaves zeroes after a failed parse: nothing to delete */
    }
    if (ok && list.count > 0) {
        node->children = ARENA_ARRAY(&b->tree->arena, struct tree_node, list.count);
        memcpy(node->children, list.nodes, list.count * sizeof(struct tree_node));
        node->count = list.count;
    }
    map_release(&seen);
    mem_free(list.nodes);
    return ok;
}

static bool build_node(struct builder *b, const yaml_event_t *event, unsigned depth,
                       struct tree_node *node)
{
    if (++b->tree->nodes > MAX_NODES) {
        return fail_at(b, event->start_mark, "more than 100,000 values");
    }
    if (event->type == YAML_SCALAR_EVENT) {
        return build_scalar(b, event, node);
    }
    if (event->type == YAML_MAPPING_START_EVENT) {
        if (event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL) {
            return fail_at(b, event->start_mark, "anchors and tags are not allowed here");
        }
        node->kind = TREE_MAP;
        return build_children(b, depth, node);
    }
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        if (event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL) {
            return fail_at(b, event->start_mark, "anchors and tags are not allowed here");
        }
        node->kind = TREE_LIST;
        return build_children(b, depth, node);
    }
    return fail_at(b, event->start_mark,
                   event->type == YAML_ALIAS_EVENT ? "aliases are not allowed here"
                                                   : "expected a value");
}

/* stream start, document start, one node, document end, stream end. */
static bool build_document(struct builder *b)
{
    struct tree_node *root = ARENA_ARRAY(&b->tree->arena, struct tree_node, 1);
    static const yaml_event_type_t want[] = {YAML_STREAM_START_EVENT, YAML_DOCUMENT_START_EVENT,
                                             YAML_NO_EVENT, YAML_DOCUMENT_END_EVENT,
                                             YAML_STREAM_END_EVENT};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        yaml_event_t event;
        if (!next_event(b, &event)) {
            return false;
        }
        bool ok = true;
        if (want[i] == YAML_NO_EVENT) {
            root->line = (unsigned)event.start_mark.line + 1;
            root->column = (unsigned)event.start_mark.column + 1;
            ok = build_node(b, &event, 0, root);
        } else if (event.type != want[i]) {
            ok = event.type == YAML_STREAM_END_EVENT
                     ? fail_at(b, event.start_mark, "nothing in it: expected keys and values")
                     : fail_at(b, event.start_mark, "only one document is allowed");
        }
        yaml_event_delete(&event);
        if (!ok) {
            return false;
        }
    }
    b->tree->root = root;
    return true;
}

bool tree_parse(struct str text, const char *name, struct tree **out, struct error *err)
{
    struct builder b = {.err = err};
    b.tree = MEM_NEW(struct tree);
    b.tree->name = arena_cstr(&b.tree->arena, str_of(name));
    text = str_starts(text, STR(BYTE_ORDER_MARK)) ? str_slice(text, 3, text.len) : text;
    must(yaml_parser_initialize(&b.parser) != 0);
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &b.parser, (const unsigned char *)(text.ptr == NULL ? "" : text.ptr), text.len);
    bool ok = check_text(&b, text) && build_document(&b);
    yaml_parser_delete(&b.parser);
    if (!ok) {
        tree_free(b.tree);
        return false;
    }
    *out = b.tree;
    return true;
}

bool tree_load(const char *path, struct tree **out, struct error *err)
{
    struct buf text = BUF_INIT(MAX_TEXT_BYTES + 2 * READ_BYTES);
    bool ok = read_file(path, &text, err) && tree_parse(buf_str(&text), path, out, err);
    buf_release(&text);
    return ok;
}

void tree_free(struct tree *t)
{
    if (t != NULL) {
        arena_release(&t->arena);
        mem_free(t);
    }
}

const struct tree_node *tree_root(const struct tree *t)
{
    return t->root;
}

const char *tree_name(const struct tree *t)
{
    return t->name;
}

const struct tree_node *tree_child(const struct tree_node *n, struct str key)
{
    for (size_t i = 0; n->kind == TREE_MAP && i < n->count; i++) {
        if (str_eq(n->children[i].key, key)) {
            return &n->children[i];
        }
    }
    return NULL;
}
