/* connectors/mysql/mysql_options.h: the source block of a job that reads MySQL or MariaDB.
 *
 * Flink CDC's options of its MySQL source, plus value policies and TLS. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "config/option.h"

/* What the option table fills. */
struct mysql_conf {
    struct str hostname;
    int64_t port;
    struct str username, password;
    struct str tables, tables_exclude;
    struct str server_id;
    int startup_mode;
    struct str offset_file, offset_gtid_set;
    int64_t offset_pos;
    int64_t chunk_rows;
    bool include_comments;
    bool tinyint1_is_boolean;
    uint64_t connect_timeout_ms;
    uint64_t heartbeat_ms;
    int ssl_mode;
    struct str ssl_ca, ssl_cert, ssl_key;
    int zero_date;
    int time_range;
};

extern const struct option_table mysql_options;
