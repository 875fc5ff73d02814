#include "connectors/mysql/binlog_payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <zstd.h>

#include "base/buf.h"
#include "base/mem.h"

#define PLAIN_MAX ((size_t)1 << 24)

enum { ZSTD = 0, NONE = 255 };

static void put_event(struct buf *b, uint8_t type, const char *body, size_t len)
{
    buf_put_u32le(b, 1700000000);
    buf_put_byte(b, type);
    buf_put_u32le(b, 1);
    buf_put_u32le(b, (uint32_t)(BINLOG_HEADER_BYTES + len));
    buf_put_u32le(b, 0);
    buf_put_u16le(b, 0);
    buf_put(b, body, len);
}

/* Three events, the second of 300,000 bytes that pack badly. */
static void put_transaction(struct buf *b)
{
    struct buf noise = BUF_INIT(PLAIN_MAX);
    uint64_t seed = 7;
    for (size_t i = 0; i < 300000 / 8; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        buf_put_u64le(&noise, seed);
    }
    put_event(b, BINLOG_QUERY, "BEGIN", 5);
    put_event(b, BINLOG_ROWS_QUERY, noise.ptr, noise.len);
    put_event(b, BINLOG_XID, "12345678", 8);
    buf_release(&noise);
}

static void put_field(struct buf *b, uint8_t type, uint64_t v)
{
    buf_put_byte(b, type);
    buf_put_byte(b, v < 251 ? 1 : 9);
    buf_put_byte(b, v < 251 ? (uint8_t)v : 254);
    if (v >= 251) {
        buf_put_u64le(b, v);
    }
}

/* The body of a payload event. claim: the plain length it states. */
static void put_payload(struct buf *b, unsigned compression, struct str plain, uint64_t claim)
{
    struct buf packed = BUF_INIT(PLAIN_MAX);
    if (compression == ZSTD) {
        char *room = buf_room(&packed, ZSTD_compressBound(plain.len));
        packed.len = ZSTD_compress(room, ZSTD_compressBound(plain.len), plain.ptr, plain.len, 3);
        assert_false(ZSTD_isError(packed.len));
    } else {
        buf_put_str(&packed, plain);
    }
    put_field(b, 2, compression);
    put_field(b, 3, claim);
    put_field(b, 9, 1); /* a field of servers to come */
    put_field(b, 1, packed.len);
    buf_put_byte(b, 0);
    buf_put_str(b, buf_str(&packed));
    buf_release(&packed);
}

static struct binlog_event event_of(struct str body)
{
    return (struct binlog_event){.type = BINLOG_TRANSACTION_PAYLOAD, .body = body};
}

/* Reads it all: the number of events, or -1 with the error. */
static int read_all(struct str body, struct error *err)
{
    struct binlog_event e = event_of(body);
    struct binlog_payload *p = NULL;
    struct arena a = {0};
    int count = -1;
    if (binlog_payload_open(&e, &p, err)) {
        struct binlog_event inner;
        enum binlog_payload_next next;
        count = 0;
        while ((next = binlog_payload_next(p, &a, &inner, err)) == BINLOG_PAYLOAD_EVENT) {
            assert_int_equal(inner.size_bytes, BINLOG_HEADER_BYTES + inner.body.len);
            count++;
        }
        count = next == BINLOG_PAYLOAD_END ? count : -1;
    }
    binlog_payload_free(p);
    arena_release(&a);
    return count;
}

static void whole(unsigned compression)
{
    struct buf plain = BUF_INIT(PLAIN_MAX);
    struct buf body = BUF_INIT(PLAIN_MAX);
    struct error err = {0};
    put_transaction(&plain);
    put_payload(&body, compression, buf_str(&plain), plain.len);
    struct binlog_event e = event_of(buf_str(&body));
    struct binlog_payload *p = NULL;
    struct arena a = {0};
    struct binlog_event inner;
    assert_true(binlog_payload_open(&e, &p, &err));
    assert_int_equal(binlog_payload_next(p, &a, &inner, &err), BINLOG_PAYLOAD_EVENT);
    assert_int_equal(inner.type, BINLOG_QUERY);
    assert_true(str_eq(inner.body, STR("BEGIN")));
    assert_int_equal(binlog_payload_next(p, &a, &inner, &err), BINLOG_PAYLOAD_EVENT);
    assert_int_equal(inner.body.len, 300000);
    assert_memory_equal(inner.body.ptr, plain.ptr + 2 * BINLOG_HEADER_BYTES + 5, 300000);
    assert_int_equal(binlog_payload_next(p, &a, &inner, &err), BINLOG_PAYLOAD_EVENT);
    assert_true(str_eq(inner.body, STR("12345678")));
    assert_int_equal(inner.timestamp_s, 1700000000);
    assert_int_equal(binlog_payload_next(p, &a, &inner, &err), BINLOG_PAYLOAD_END);
    assert_int_equal(binlog_payload_next(p, &a, &inner, &err), BINLOG_PAYLOAD_END);
    binlog_payload_free(p);
    arena_release(&a);
    buf_release(&body);
    buf_release(&plain);
}

static void packed(void **state)
{
    (void)state;
    whole(ZSTD);
}
static void plain(void **state)
{
    (void)state;
    whole(NONE);
}

static void given_up(void **state)
{
    (void)state;
    binlog_payload_free(NULL);
    struct buf inside = BUF_INIT(PLAIN_MAX);
    struct buf body = BUF_INIT(PLAIN_MAX);
    struct error err = {0};
    put_transaction(&inside);
    put_payload(&body, ZSTD, buf_str(&inside), inside.len);
    struct binlog_event e = event_of(buf_str(&body));
    struct binlog_payload *p = NULL;
    struct arena a = {0};
    struct binlog_event inner;
    assert_true(binlog_payload_open(&e, &p, &err));
    assert_int_equal(binlog_payload_next(p, &a, &inner, &err), BINLOG_PAYLOAD_EVENT);
    binlog_payload_free(p); /* in the middle */
    arena_release(&a);
    buf_release(&body);
    buf_release(&inside);
}

/* Says another plain length than it has. */
static void lies(void **state)
{
    (void)state;
    static const uint64_t claims[] = {0, 18, 300064 - 1, 300064 + 1, 300064 + 27, UINT64_MAX};
    struct buf inside = BUF_INIT(PLAIN_MAX);
    put_transaction(&inside);
    for (unsigned kind = 0; kind < 2; kind++) {
        for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
            struct buf body = BUF_INIT(PLAIN_MAX);
            struct error err = {0};
            assert_int_not_equal(claims[i], inside.len);
            put_payload(&body, kind == 0 ? ZSTD : NONE, buf_str(&inside), claims[i]);
            if (read_all(buf_str(&body), &err) != -1) {
                fail_msg("%llu bytes were believed", (unsigned long long)claims[i]);
            }
            assert_int_equal(err.code, FAIL_CORRUPT);
            buf_release(&body);
        }
    }
    buf_release(&inside);
}

/* An event inside whose size is that of no event, or beyond the transaction. */
static void inner_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 18, 28, 0x40000001, UINT32_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buf inside = BUF_INIT(PLAIN_MAX);
        struct buf body = BUF_INIT(PLAIN_MAX);
        struct error err = {0};
        put_event(&inside, BINLOG_XID, "12345678", 8);
        memcpy(inside.ptr + 9, &sizes[i], 4);
        put_payload(&body, ZSTD, buf_str(&inside), inside.len);
        assert_int_equal(read_all(buf_str(&body), &err), -1);
        assert_int_equal(err.code, FAIL_CORRUPT);
        buf_release(&body);
        buf_release(&inside);
    }
}

static void nested(void **state)
{
    (void)state;
    struct buf inside = BUF_INIT(PLAIN_MAX);
    struct buf body = BUF_INIT(PLAIN_MAX);
    struct error err = {0};
    put_event(&inside, BINLOG_TRANSACTION_PAYLOAD, "", 0);
    put_payload(&body, ZSTD, buf_str(&inside), inside.len);
    assert_int_equal(read_all(buf_str(&body), &err), -1);
    assert_non_null(strstr(err.text, "another one inside"));
    buf_release(&body);
    buf_release(&inside);
}

static void unknown_packing(void **state)
{
    (void)state;
    struct buf body = BUF_INIT(PLAIN_MAX);
    struct error err = {0};
    put_payload(&body, 3, STR("whatever it is"), 14);
    assert_int_equal(read_all(buf_str(&body), &err), -1);
    assert_int_equal(err.code, FAIL_CONFIG);
    assert_non_null(strstr(err.text, "binlog_transaction_compression=OFF"));
    buf_release(&body);
}

/* Cut off anywhere, longer than it says, and with every byte of a small one changed. */
static void damaged(void **state)
{
    (void)state;
    struct buf inside = BUF_INIT(PLAIN_MAX);
    struct buf body = BUF_INIT(PLAIN_MAX);
    struct error err = {0};
    put_event(&inside, BINLOG_QUERY, "BEGIN", 5);
    put_event(&inside, BINLOG_XID, "12345678", 8);
    put_payload(&body, ZSTD, buf_str(&inside), inside.len);
    assert_int_equal(read_all(buf_str(&body), &err), 2);
    for (size_t cut = 0; cut < body.len; cut++) {
        char *part = mem_dup(body.ptr, cut);
        assert_int_equal(read_all((struct str){part, cut}, &err), -1);
        assert_int_equal(err.code, FAIL_CORRUPT);
        mem_free(part);
    }
    for (size_t at = 0; at < body.len; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            char *other = mem_dup(body.ptr, body.len);
            other[at] = (char)(other[at] ^ (1 << bit));
            (void)read_all((struct str){other, body.len}, &err);
            mem_free(other);
        }
    }
    buf_put_byte(&body, 0);
    assert_int_equal(read_all(buf_str(&body), &err), -1);
    buf_release(&body);
    buf_release(&inside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed),      cmocka_unit_test(plain),   cmocka_unit_test(given_up),
        cmocka_unit_test(lies),        cmocka_unit_test(nested),  cmocka_unit_test(unknown_packing),
        cmocka_unit_test(inner_sizes), cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
