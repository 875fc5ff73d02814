#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sink/paths.h"
#include "sink/schema_file.h"

static struct error err;

static struct schema *parse(const char *json)
{
    struct schema *s = NULL;
    if (!schema_file_parse(str_of(json), &s, &err)) {
        fail_msg("%s", err.text);
    }
    return s;
}

/* Schemas that Java wrote: parsed and printed they are the same text, byte for byte. (Not so where
 * a text has line ends: Java writes \n, we \u000a.) */
static void prints_what_java_wrote(void **state)
{
    (void)state;
    static const char *const files[] = {
        "crud/schema/schema-0",  "types/schema/schema-0",   "keys/schema/schema-0",
        "edge/schema/schema-0",  "nested/schema/schema-0",  "old/schema/schema-0",
        "input/schema/schema-0", "levels/schema/schema-0",  "schemas/evolve-0.json",
        "schemas/evolve-1.json", "schemas/evolve-2.json",   "schemas/evolve-3.json",
        "schemas/part-0.json",   "schemas/multiset-0.json", "schemas/seqgroup-0.json",
    };
    struct arena a = {0};
    struct fs fs;
    const char *root;
    assert_true(fs_open(STR(TEST_DATA "/paimon"), &a, &fs, &root, &err));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct buf text = BUF_INIT(1 << 20);
        struct buf again = BUF_INIT(1 << 20);
        bool found;
        assert_true(
            fs.ops->read(fs.self, paths_join(&a, root, str_of(files[i])), &text, &found, &err));
        assert_true(found);
        struct schema *s = parse(buf_cstr(&text));
        schema_file_print(s, &again);
        if (!str_eq(buf_str(&text), buf_str(&again))) {
            fail_msg("%s is printed as\n%s", files[i], buf_cstr(&again));
        }
        schema_free(s);
        buf_release(&text);
        buf_release(&again);
    }
    arena_release(&a);
}

static void what_is_described_is_kept(void **state)
{
    (void)state;
    struct arena a = {0};
    struct fs fs;
    const char *root;
    struct buf text = BUF_INIT(1 << 20);
    bool found;
    assert_true(fs_open(STR(TEST_DATA "/paimon/schemas"), &a, &fs, &root, &err));
    assert_true(
        fs.ops->read(fs.self, paths_join(&a, root, STR("described-0.json")), &text, &found, &err));
    struct schema *s = parse(buf_cstr(&text));
    assert_int_equal(s->field_count, 3);
    assert_true(str_eq(s->comment, STR("a table")));
    assert_true(str_eq(s->fields[0].comment, STR("the \"key\"\nof all")));
    assert_null(s->fields[0].default_value.ptr);
    assert_true(str_eq(s->fields[1].default_value, STR("x")));
    assert_int_equal(s->primary_key_count, 1);
    assert_int_equal(s->primary_key[0], 0);
    assert_false(s->fields[0].type.nullable);
    const struct type *m = &s->fields[2].type;
    assert_int_equal(m->kind, TYPE_MAP);
    assert_false(m->nullable);
    assert_false(m->key->nullable);
    assert_int_equal(m->element->kind, TYPE_ROW);
    assert_int_equal(m->element->field_count, 2);
    assert_int_equal(m->element->fields[0].type->kind, TYPE_TIMESTAMP_LTZ);
    assert_int_equal(m->element->fields[1].type->element->precision, 38);
    assert_int_equal(s->highest_field_id, 4);
    assert_true(str_eq(schema_option(s, STR("x")), STR("y \\ \"z\"")));
    schema_free(s);
    buf_release(&text);
    arena_release(&a);
}

#define SCHEMA(version, fields, more)                                                              \
    "{" version "\"id\":0,\"fields\":[" fields "],\"highestFieldId\":9," more "}"
#define ID "{\"id\":0,\"name\":\"id\",\"type\":\"INT NOT NULL\"}"
#define KEYS "\"partitionKeys\":[],\"primaryKeys\":[\"id\"],"
#define V3 "\"version\":3,"

static void older_versions_mean_their_defaults(void **state)
{
    (void)state;
    struct schema *s = parse(SCHEMA("", ID, KEYS "\"options\":{}"));
    assert_true(str_eq(schema_option(s, STR("bucket")), STR("1")));
    assert_true(str_eq(schema_option(s, STR("file.format")), STR("orc")));
    assert_int_equal(s->time_ms, 0);
    schema_free(s);
    s = parse(SCHEMA("\"version\":2,", ID, KEYS "\"options\":{\"file.format\":\"avro\"}"));
    assert_null(schema_option(s, STR("bucket")).ptr);
    assert_true(str_eq(schema_option(s, STR("file.format")), STR("avro")));
    schema_free(s);
    s = parse(SCHEMA(V3, ID, KEYS "\"options\":{}"));
    assert_int_equal(s->option_count, 0);
    schema_free(s);
}

static void damage_names_the_member(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum fail code;
        const char *says;
    } cases[] = {
        {"", FAIL_CORRUPT, "schema"},
        {"[1]", FAIL_CORRUPT, "not a JSON object"},
        {"{\"version\":4}", FAIL_SCHEMA, "newer Paimon"},
        {"{\"version\":3}", FAIL_CORRUPT, "\"id\""},
        {SCHEMA(V3, "", KEYS "\"options\":{}"), FAIL_CORRUPT, "0 columns"},
        {SCHEMA(V3, "{}", KEYS "\"options\":{}"), FAIL_CORRUPT, "\"name\""},
        {SCHEMA(V3, ID "," ID, KEYS "\"options\":{}"), FAIL_CORRUPT, "twice"},
        {SCHEMA(V3, "{\"id\":-1,\"name\":\"id\",\"type\":\"INT\"}", KEYS "\"options\":{}"),
         FAIL_CORRUPT, "field id -1"},
        {SCHEMA(V3, "{\"id\":0,\"name\":\"id\",\"type\":\"VARIANT\"}", KEYS "\"options\":{}"),
         FAIL_SCHEMA, "VARIANT"},
        {SCHEMA(V3, "{\"id\":0,\"name\":\"v\",\"type\":{\"type\":\"VECTOR\",\"element\":\"INT\"}}",
                KEYS "\"options\":{}"),
         FAIL_SCHEMA, "VECTOR"},
        {SCHEMA(V3, "{\"id\":0,\"name\":\"v\",\"type\":{\"type\":\"ARRAY\"}}",
                KEYS "\"options\":{}"),
         FAIL_CORRUPT, "\"element\""},
        {SCHEMA(V3, "{\"id\":0,\"name\":\"v\",\"type\":7}", KEYS "\"options\":{}"), FAIL_CORRUPT,
         "\"type\""},
        {SCHEMA(V3, ID, "\"partitionKeys\":[],\"primaryKeys\":[\"no\"],\"options\":{}"),
         FAIL_CORRUPT, "primaryKeys"},
        {SCHEMA(V3, ID, "\"partitionKeys\":[],\"primaryKeys\":[\"id\",\"id\"],\"options\":{}"),
         FAIL_CORRUPT, "twice"},
        {SCHEMA(V3, ID, "\"primaryKeys\":[],\"options\":{}"), FAIL_CORRUPT, "partitionKeys"},
        {SCHEMA(V3, ID, KEYS "\"comment\":\"x\""), FAIL_CORRUPT, "options"},
        {SCHEMA(V3, ID, KEYS "\"options\":{\"bucket\":1}"), FAIL_CORRUPT, "bucket"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct schema *s = NULL;
        err = (struct error){0};
        assert_false(schema_file_parse(str_of(cases[i].json), &s, &err));
        if (err.code != cases[i].code || strstr(err.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, err.text);
        }
        assert_null(s);
    }
    struct buf deep = BUF_INIT(1 << 16);
    for (int i = 0; i < 40; i++) {
        buf_put_cstr(&deep, "{\"type\":\"ARRAY\",\"element\":");
    }
    buf_put_cstr(&deep, "\"INT\"");
    for (int i = 0; i < 40; i++) {
        buf_put_byte(&deep, '}');
    }
    struct buf json = BUF_INIT(1 << 16);
    buf_printf(&json, SCHEMA(V3, "{\"id\":0,\"name\":\"v\",\"type\":%s}", KEYS "\"options\":{}"),
               buf_cstr(&deep));
    struct schema *s;
    assert_false(schema_file_parse(buf_str(&json), &s, &err));
    assert_int_equal(err.code, FAIL_LIMIT);
    buf_release(&deep);
    buf_release(&json);
}

#define GOOD "\"bucket\":\"2\",\"file.format\":\"avro\""

static void writable_or_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        const char *says; /* NULL: writable */
    } cases[] = {
        {GOOD, NULL},
        {GOOD ",\"changelog-producer\":\"input\",\"merge-engine\":\"deduplicate\"", NULL},
        {GOOD ",\"made-up.option\":\"x\",\"snapshot.num-retained.min\":\"5\"", NULL},
        {GOOD ",\"deletion-vectors.enabled\":\"false\",\"sequence.field\":\"\"", NULL},
        {GOOD ",\"bucket-key\":\" id \",\"file.format.per.level\":\"0:avro, 1 : avro\"", NULL},
        {GOOD ",\"fields.id.stats-mode\":\"none\",\"type\":\"table\",\"branch\":\"main\"", NULL},
        {GOOD ",\"file.compression\":\"none\"", NULL},
        {GOOD ",\"deletion-vectors.enabled\":\"true\"",
         "option 'deletion-vectors.enabled' is not supported yet"},
        {GOOD ",\"merge-engine\":\"partial-update\",\"rowkind.field\":\"v\"", NULL},
        {GOOD ",\"merge-engine\":\"frobnicate\"", "option 'merge-engine'"},
        {GOOD ",\"snapshot.time-retained\":\"1 parsec\"", "not a duration"},
        {GOOD ",\"consumer.expiration-time\":\"x\"", "not a duration"},
        {GOOD ",\"write-only\":\"maybe\"", "not true or false"},
        {GOOD ",\"dynamic-bucket.target-row-num\":\"-5\"", "dynamic-bucket.target-row-num"},
        {"\"bucket\":\"99999999\",\"file.format\":\"avro\"", "more than 32767"},
        {GOOD ",\"changelog-producer\":\"lookup\"", NULL},
        {GOOD ",\"changelog-producer\":\"look-up\"", "option 'changelog-producer' = 'look-up'"},
        {GOOD ",\"changelog-producer\":\"lookup\",\"full-compaction.delta-commits\":\"2\"",
         "delta-commits"},
        {GOOD ",\"sequence.field\":\"v\",\"sequence.field.sort-order\":\"down\"",
         "option 'sequence.field.sort-order'"},
        {GOOD ",\"record-level.expire-time\":\"1 d\"", "option 'record-level.expire-time'"},
        {GOOD ",\"data-file.external-paths\":\"s3://x\"", "option 'data-file.external-paths'"},
        {GOOD ",\"data-file.path-directory\":\"d\"", "option 'data-file.path-directory'"},
        {GOOD ",\"data-file.thin-mode\":\"TRUE\"", "option 'data-file.thin-mode'"},
        {GOOD ",\"ignore-delete\":\"yes\"", "option 'ignore-delete'"},
        {GOOD ",\"merge-engine\":\"first-row\",\"changelog-producer\":\"input\"", "first-row"},
        {GOOD ",\"type\":\"format-table\"", "another kind"},
        {GOOD ",\"bucket-function.type\":\"mod\"", "option 'bucket-function.type'"},
        {GOOD ",\"bucket-key\":\"v\"", "option 'bucket-key'"},
        {GOOD ",\"bucket-key\":\"id,v\"", "option 'bucket-key'"},
        {GOOD ",\"file.format.per.level\":\"0:avro,1:orc\"", "option 'file.format.per.level'"},
        {GOOD ",\"manifest.format\":\"orc\"", "option 'manifest.format'"},
        {GOOD ",\"file.compression\":\"lz4\"", "lz4"},
        {"\"bucket\":\"2\",\"file.compression\":\"brotli\"", "brotli"},
        {"\"bucket\":\"2\",\"file.format\":\"Parquet\",\"file.compression\":\"lzo\"", "lzo"},
        {"\"bucket\":\"2\",\"file.format\":\"orc\"", "'orc' is not supported"},
        {"\"file.format\":\"avro\"", NULL}, /* Paimon's default: dynamic */
        {"\"bucket\":\"-1\",\"file.format\":\"avro\",\"bucket-key\":\"id\"", "'bucket-key'"},
        {"\"bucket\":\"-1\",\"file.format\":\"avro\",\"dynamic-bucket.max-buckets\":\"x\"",
         "dynamic-bucket.max-buckets"},
        {"\"bucket\":\"-2\",\"file.format\":\"avro\"", "postponed"},
        {"\"bucket\":\"0\",\"file.format\":\"avro\"", "'bucket' = 0"},
        {"\"bucket\":\"x\",\"file.format\":\"avro\"", "not a number"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf json = BUF_INIT(1 << 16);
        buf_printf(
            &json,
            SCHEMA(V3, ID ",{\"id\":1,\"name\":\"v\",\"type\":\"INT\"}", KEYS "\"options\":{%s}"),
            cases[i].options);
        struct schema *s = parse(buf_cstr(&json));
        err = (struct error){0};
        bool ok = schema_file_check_writable(s, &err);
        if (ok != (cases[i].says == NULL) ||
            (!ok && (err.code != FAIL_SCHEMA || strstr(err.text, cases[i].says) == NULL))) {
            fail_msg("%s: %s", cases[i].options, err.text);
        }
        schema_free(s);
        buf_release(&json);
    }
}

static void shapes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *says;
    } cases[] = {
        {SCHEMA(V3, ID, "\"partitionKeys\":[],\"primaryKeys\":[],\"options\":{" GOOD "}"),
         "without a primary key"},
        {SCHEMA(V3, ID,
                "\"partitionKeys\":[\"id\"],\"primaryKeys\":[\"id\"],\"options\":{" GOOD "}"),
         "the whole primary key"},
        {SCHEMA(V3, ID ",{\"id\":1,\"name\":\"dt\",\"type\":\"STRING\"}",
                "\"partitionKeys\":[\"dt\"],\"primaryKeys\":[\"id\"],\"options\":{" GOOD "}"),
         "'dt' is not in the primary key"},
        {SCHEMA(V3, ID ",{\"id\":1,\"name\":\"b\",\"type\":\"BYTES NOT NULL\"}",
                "\"partitionKeys\":[\"b\"],\"primaryKeys\":[\"id\",\"b\"],\"options\":{" GOOD "}"),
         "no usable folder name"},
        {SCHEMA(V3, ID ",{\"id\":1,\"name\":\"rowkind\",\"type\":\"INT\"}",
                KEYS "\"options\":{" GOOD "}"),
         "'rowkind'"},
        {SCHEMA(V3, ID ",{\"id\":1,\"name\":\"_KEY_x\",\"type\":\"INT\"}",
                KEYS "\"options\":{" GOOD "}"),
         "'_KEY_x'"},
        {SCHEMA(V3, ID ",{\"id\":1,\"name\":\"t\",\"type\":\"TIMESTAMP(9)\"}",
                KEYS "\"options\":{" GOOD "}"),
         "'t'"},
        {SCHEMA(V3,
                ID ",{\"id\":1,\"name\":\"t\",\"type\":{\"type\":\"MULTISET\",\"element\":"
                   "\"INT\"}}",
                KEYS "\"options\":{" GOOD "}"),
         "MULTISET"},
        {SCHEMA(V3, "{\"id\":0,\"name\":\"id\",\"type\":\"INT\"}", KEYS "\"options\":{" GOOD "}"),
         "nullable"},
        {SCHEMA(V3,
                "{\"id\":0,\"name\":\"id\",\"type\":{\"type\":\"ARRAY NOT "
                "NULL\",\"element\":\"INT\"}}",
                KEYS "\"options\":{" GOOD "}"),
         "nested"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct schema *s = parse(cases[i].json);
        err = (struct error){0};
        assert_false(schema_file_check_writable(s, &err));
        if (err.code != FAIL_SCHEMA || strstr(err.text, cases[i].says) == NULL) {
            fail_msg("case %zu: %s", i, err.text);
        }
        schema_free(s);
    }
}

static void files(void **state)
{
    (void)state;
    char folder[] = "/tmp/inlet-schema-XXXXXX";
    char command[64];
    struct arena a = {0};
    struct fs fs;
    const char *root;
    struct schema *s = NULL;
    struct schema *back = NULL;
    assert_non_null(mkdtemp(folder));
    assert_true(fs_open(str_of(folder), &a, &fs, &root, &err));
    assert_true(schema_file_latest(fs, root, &back, &err));
    assert_null(back); /* no table yet */
    s = parse(SCHEMA(V3, ID, KEYS "\"options\":{" GOOD "}"));
    assert_true(schema_file_publish(fs, root, s, &err));
    assert_false(schema_file_publish(fs, root, s, &err));
    assert_int_equal(err.code, FAIL_CONFLICT);
    s->id = 10; /* higher, though not in the order of names */
    assert_true(schema_file_publish(fs, root, s, &err));
    s->id = 9;
    assert_true(schema_file_publish(fs, root, s, &err));
    assert_true(fs.ops->replace(fs.self, paths_join(&a, root, STR("schema/schema-11.bak")),
                                STR("x"), &err));
    assert_true(schema_file_latest(fs, root, &back, &err));
    assert_int_equal(back->id, 10);
    schema_free(back);
    assert_true(schema_file_read(fs, root, 9, &back, &err));
    assert_int_equal(back->id, 9);
    schema_free(back);
    assert_false(schema_file_read(fs, root, 8, &back, &err));
    assert_non_null(strstr(err.text, "schema-8 is missing"));
    assert_true(fs.ops->replace(fs.self, paths_schema(&a, root, 12), STR("{\"version\":3"), &err));
    assert_false(schema_file_latest(fs, root, &back, &err));
    assert_int_equal(err.code, FAIL_CORRUPT);
    assert_non_null(strstr(err.text, "schema-12"));
    schema_free(s);
    arena_release(&a);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_what_java_wrote),
        cmocka_unit_test(what_is_described_is_kept),
        cmocka_unit_test(older_versions_mean_their_defaults),
        cmocka_unit_test(damage_names_the_member),
        cmocka_unit_test(writable_or_refused_by_name),
        cmocka_unit_test(shapes_are_refused),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
