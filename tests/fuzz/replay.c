/* The main() of fuzz targets where there is no fuzzer: every file of the folders given is run as it
 * is, cut off at every length, and changed in 2,000 seeded ways. A finding is the sanitizer's
 * report or the target's own must(); so this is worth most in the debug build.
 *
 *   fuzz_x FOLDER...     exit 0 when all inputs ran; exit 1 when there is no input to run */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUTATIONS 2000
#define CUTS 512
#define CUT_ALL_BYTES 2048
#define MAX_FILE_BYTES ((size_t)16 * 1024 * 1024)

struct corpus {
    char **paths;
    struct buf *files;
    size_t count, cap;
};

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(uint64_t *state, size_t limit)
{
    return limit == 0 ? 0 : (size_t)(next_random(state) % limit);
}

/* A block of exactly the input's size, so that one byte too far is seen. */
static void run(const char *bytes, size_t len)
{
    uint8_t *block = mem_alloc(len == 0 ? 1 : len);
    uint8_t *input = len == 0 ? block + 1 : block;
    if (len > 0) {
        memcpy(input, bytes, len);
    }
    (void)LLVMFuzzerTestOneInput(input, len);
    mem_free(block);
}

static bool read_all(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return false;
    }
    size_t n = 0;
    do {
        char *room = buf_room(out, 65536);
        n = room == NULL ? 0 : fread(room, 1, 65536, f);
        out->len += n;
    } while (n > 0);
    bool ok = ferror(f) == 0 && !out->failed;
    (void)fclose(f);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool list_folder(const char *folder, struct corpus *c)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        (void)fprintf(stderr, "replay: cannot open the folder %s\n", folder);
        return false;
    }
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] != '.') {
            struct buf path = BUF_INIT(8192);
            buf_printf(&path, "%s/%s", folder, e->d_name);
            VEC_ROOM(c->paths, c->count, c->cap);
            c->paths[c->count++] = buf_take(&path);
        }
    }
    (void)closedir(dir);
    return true;
}

static size_t run_cuts(const struct buf *file)
{
    size_t cuts = file->len <= CUT_ALL_BYTES ? file->len : CUTS;
    for (size_t i = 0; i < cuts; i++) {
        run(file->ptr, file->len <= CUT_ALL_BYTES ? i : file->len / CUTS * i);
    }
    return cuts;
}

/* One change of one kind, at a place chosen by the state. */
static void mutate(struct buf *b, const struct corpus *c, uint64_t *state)
{
    static const uint8_t notable[] = {0, 1, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
    size_t at = below(state, b->len);
    size_t kind = below(state, 6);
    if (kind == 0 && b->len > 0) { /* a bit */
        b->ptr[at] = (char)((unsigned char)b->ptr[at] ^ (1u << below(state, 8)));
    } else if (kind == 1 && b->len > 0) { /* a byte */
        b->ptr[at] = (char)next_random(state);
    } else if (kind == 2 && b->len > 0) { /* a byte that decoders treat as special */
        b->ptr[at] = (char)notable[below(state, sizeof(notable))];
    } else if (kind == 3) { /* some bytes more */
        size_t n = 1 + below(state, 8);
        char *room = buf_room(b, n);
        must(room != NULL);
        memmove(b->ptr + at + n, b->ptr + at, b->len - at);
        for (size_t i = 0; i < n; i++) {
            b->ptr[at + i] = (char)next_random(state);
        }
        b->len += n;
    } else if (kind == 4 && b->len > 0) { /* some bytes less */
        size_t n = 1 + below(state, b->len - at < 16 ? b->len - at : 16);
        n = n > b->len - at ? b->len - at : n;
        memmove(b->ptr + at, b->ptr + at + n, b->len - at - n);
        b->len -= n;
    } else { /* the rest from another input */
        const struct buf *other = &c->files[below(state, c->count)];
        size_t from = below(state, other->len);
        b->len = at;
        buf_put(b, other->ptr == NULL ? "" : other->ptr + from, other->len - from);
    }
}

static void run_mutations(const struct buf *file, const struct corpus *c, uint64_t *state)
{
    struct buf b = BUF_INIT(2 * MAX_FILE_BYTES);
    for (size_t i = 0; i < MUTATIONS; i++) {
        buf_reset(&b);
        buf_put_str(&b, buf_str(file));
        for (size_t n = 1 + below(state, 4); n > 0; n--) {
            mutate(&b, c, state);
        }
        run(b.ptr == NULL ? "" : b.ptr, b.len);
    }
    buf_release(&b);
}

static bool load(int argc, char **argv, struct corpus *c)
{
    for (int i = 1; i < argc; i++) {
        if (!list_folder(argv[i], c)) {
            return false;
        }
    }
    if (c->count == 0) {
        (void)fprintf(stderr, "replay: no input in the folders given\n");
        return false;
    }
    qsort(c->paths, c->count, sizeof(c->paths[0]), by_name);
    c->files = MEM_ARRAY(struct buf, c->count);
    for (size_t i = 0; i < c->count; i++) {
        c->files[i] = BUF_INIT(MAX_FILE_BYTES);
        if (!read_all(c->paths[i], &c->files[i])) {
            (void)fprintf(stderr, "replay: cannot read %s\n", c->paths[i]);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct corpus c = {0};
    uint64_t state = 1; /* the same inputs every time */
    size_t cuts = 0;
    bool ok = load(argc, argv, &c);
    for (size_t i = 0; ok && i < c.count; i++) {
        run(buf_str(&c.files[i]).ptr, c.files[i].len);
        cuts += run_cuts(&c.files[i]);
        run_mutations(&c.files[i], &c, &state);
    }
    if (ok) {
        (void)printf("replay: %zu inputs, %zu truncations, %zu mutations\n", c.count, cuts,
                     c.count * MUTATIONS);
    }
    for (size_t i = 0; i < c.count; i++) {
        mem_free(c.paths[i]);
        if (c.files != NULL) {
            buf_release(&c.files[i]);
        }
    }
    mem_free(c.files);
    mem_free(c.paths);
    return ok ? 0 : 1;
}
