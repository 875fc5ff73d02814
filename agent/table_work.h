/* agent/table_work.h: `inlet table …`: commands that change a table, without a job. */
#pragma once

#include "agent/cli.h"

extern const struct cli_flag table_work_apply_flags[];
enum exit_code table_work_apply(const struct cli_args *args);

extern const struct cli_flag table_work_compact_flags[];
enum exit_code table_work_compact(const struct cli_args *args);

extern const struct cli_flag table_work_expire_flags[];
enum exit_code table_work_expire(const struct cli_args *args);
