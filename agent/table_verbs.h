/* agent/table_verbs.h: `inlet table …`: reads a table back, without a server. */
#pragma once

#include "agent/cli.h"

extern const struct cli_flag table_verbs_scan_flags[];

enum exit_code table_verbs_read(const struct cli_args *args);
enum exit_code table_verbs_count(const struct cli_args *args);
enum exit_code table_verbs_checksum(const struct cli_args *args);
enum exit_code table_verbs_schema(const struct cli_args *args);
enum exit_code table_verbs_snapshots(const struct cli_args *args);
enum exit_code table_verbs_files(const struct cli_args *args);

extern const struct cli_flag table_verbs_expire_flags[];
enum exit_code table_verbs_expire(const struct cli_args *args);
