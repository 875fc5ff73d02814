/* agent/table_verbs.h: `inlet table …`: prints a table's rows and changes, without a server. */
#pragma once

#include "agent/cli.h"

extern const struct cli_flag table_verbs_scan_flags[];

enum exit_code table_verbs_read(const struct cli_args *args);
enum exit_code table_verbs_count(const struct cli_args *args);
enum exit_code table_verbs_checksum(const struct cli_args *args);

extern const struct cli_flag table_verbs_changelog_flags[];
enum exit_code table_verbs_changelog(const struct cli_args *args);
