#include "connectors/mysql/mysql_conf.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/pattern.h"
#include "connectors/mysql/mysql_link.h"

#define SERVER_ID_FIRST 5400u
#define SERVER_ID_COUNT 1001u

static bool parse_id(struct str text, uint64_t *out)
{
    return str_to_u64(str_trim(text), out) && *out > 0 && *out <= UINT32_MAX;
}

bool mysql_conf_server_id(struct str option, struct str job_name, uint32_t *out, struct error *err)
{
    uint64_t first;
    uint64_t last;
    if (option.len == 0) {
        *out = SERVER_ID_FIRST + hash_crc32(job_name.ptr, job_name.len) % SERVER_ID_COUNT;
        return true;
    }
    size_t dash = str_find(option, '-');
    bool ok = parse_id(str_slice(option, 0, dash), &first);
    last = first;
    ok = ok && (dash == option.len || parse_id(str_slice(option, dash + 1, option.len), &last));
    if (!ok || last < first) {
        return error_set(err, FAIL_CONFIG,
                         "server-id: '%.*s' is no replica id: a number from 1 to 4294967295, or a "
                         "range of them (5400-5404)",
                         STR_FMT(option));
    }
    *out = (uint32_t)first;
    return true;
}

static bool check_tables(struct str list, struct error *err)
{
    struct table_pattern *p = NULL;
    bool ok = list.len == 0 || table_pattern_new(list, 2, &p, err);
    table_pattern_free(p);
    return ok;
}

static bool check_file(struct str path, struct error *err)
{
    char name[PATH_MAX];
    if (path.len == 0) {
        return true;
    }
    if (path.len >= sizeof name) {
        return error_set(err, FAIL_CONFIG, "the path has %zu bytes", path.len);
    }
    memcpy(name, path.ptr, path.len);
    name[path.len] = '\0';
    if (access(name, R_OK) != 0) {
        (void)error_os(err, "read %s", name);
        err->code = FAIL_CONFIG;
        return false;
    }
    return true;
}

bool mysql_conf_check(const struct mysql_conf *conf, const char **out_key, struct error *err)
{
    uint32_t id;
    *out_key = "tables";
    if (!check_tables(conf->tables, err)) {
        return false;
    }
    *out_key = "tables.exclude";
    if (!check_tables(conf->tables_exclude, err)) {
        return false;
    }
    *out_key = "server-id";
    if (!mysql_conf_server_id(conf->server_id, STR(""), &id, err)) {
        return false;
    }
    *out_key = "scan.startup.mode";
    if (conf->startup_mode == MYSQL_CONF_STARTUP_TIMESTAMP) {
        return error_set(err, FAIL_CONFIG, "scan.startup.mode: timestamp is not supported yet");
    }
    if (conf->startup_mode == MYSQL_CONF_STARTUP_SPECIFIC && conf->offset_gtid_set.len == 0 &&
        conf->offset_file.len == 0) {
        return error_set(err, FAIL_CONFIG,
                         "scan.startup.mode: specific-offset needs "
                         "scan.startup.specific-offset.gtid-set, or .file and .pos");
    }
    const struct {
        const char *key;
        struct str path;
    } files[] = {
        {"ssl-ca", conf->ssl_ca}, {"ssl-cert", conf->ssl_cert}, {"ssl-key", conf->ssl_key}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        *out_key = files[i].key;
        if (!check_file(files[i].path, err)) {
            return false;
        }
    }
    *out_key = "ssl-mode";
    if (conf->ssl_mode >= MYSQL_SSL_VERIFY_CA && conf->ssl_ca.len == 0) {
        return error_set(err, FAIL_CONFIG,
                         "ssl-mode VERIFY_CA and VERIFY_IDENTITY need ssl-ca, the file with the "
                         "certificate authority");
    }
    return true;
}
