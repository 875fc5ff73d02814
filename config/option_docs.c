#include "config/option_docs.h"

/* Text inside a Markdown table: a bar would end the cell. */
static void put_cell(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            buf_put_byte(out, '\\');
        }
        buf_put_byte(out, *text == '\n' ? ' ' : (uint8_t)*text);
    }
}

static void put_key(const struct option *o, struct buf *out)
{
    buf_put_cstr(out, "| `");
    put_cell(o->name, out);
    buf_put_cstr(out, o->type == OPTION_MAP ? "*` | " : "` | ");
}

static void put_type(const struct option *o, struct buf *out)
{
    static const char *const names[] = {
        [OPTION_TEXT] = "text", [OPTION_BOOL] = "true or false", [OPTION_INT] = "whole number",
        [OPTION_SIZE] = "size", [OPTION_DURATION] = "duration",  [OPTION_CHOICE] = "",
        [OPTION_MAP] = "texts",
    };
    buf_put_cstr(out, names[o->type]);
    for (size_t i = 0; o->type == OPTION_CHOICE && o->choices[i] != NULL; i++) {
        buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", o->choices[i]);
    }
    if ((o->flags & OPTION_SECRET) != 0) {
        buf_put_cstr(out, ", secret");
    }
}

static void put_bound(const struct option *o, int64_t v, struct buf *out)
{
    int64_t number = v;
    uint64_t amount = (uint64_t)v;
    struct option plain = *o;
    plain.at = 0;
    plain.flags = 0;
    option_print(&plain, o->type == OPTION_INT ? (const void *)&number : (const void *)&amount,
                 out);
}

static void put_default(const struct option *o, struct buf *out)
{
    if ((o->flags & OPTION_REQUIRED) != 0) {
        buf_put_cstr(out, "required");
    } else if (o->def != NULL) {
        buf_put_byte(out, '`');
        put_cell(o->def, out);
        buf_put_byte(out, '`');
    } else {
        buf_put_cstr(out, "–");
    }
    if (o->min != 0 || o->max != 0) {
        buf_put_cstr(out, " (");
        put_bound(o, o->min, out);
        buf_put_cstr(out, " to ");
        put_bound(o, o->max, out);
        buf_put_byte(out, ')');
    }
}

static bool is_kind(const struct option *o, unsigned flag)
{
    unsigned both = o->flags & (OPTION_UNSUPPORTED | OPTION_IGNORED);
    return both == flag;
}

/* A heading and rows of key and reason, when there are any. */
static void put_short(const struct option_table *table, unsigned flag, const char *heading,
                      struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < table->count; i++) {
        const struct option *o = &table->options[i];
        if (!is_kind(o, flag)) {
            continue;
        }
        if (!any) {
            buf_printf(out, "\n%s\n\n| Key | Description |\n|---|---|\n", heading);
            any = true;
        }
        put_key(o, out);
        put_cell(o->doc, out);
        buf_put_cstr(out, " |\n");
    }
}

void option_docs_table(const struct option_table *table, struct buf *out)
{
    buf_printf(out, "## `%s`\n\n| Key | Type | Default | Description |\n|---|---|---|---|\n",
               table->title);
    for (size_t i = 0; i < table->count; i++) {
        const struct option *o = &table->options[i];
        if (!is_kind(o, 0)) {
            continue;
        }
        put_key(o, out);
        put_type(o, out);
        buf_put_cstr(out, " | ");
        put_default(o, out);
        buf_put_cstr(out, " | ");
        put_cell(o->doc, out);
        buf_put_cstr(out, " |\n");
    }
    put_short(table, OPTION_UNSUPPORTED,
              "Known, not supported yet (a job that has them is refused):", out);
    put_short(table, OPTION_IGNORED, "Accepted, without effect (a line in the log says so):", out);
}
