/* agent/table_meta.h: `inlet table …`: a table's metadata, a JSON line an item. */
#pragma once

#include "agent/cli.h"

extern const struct cli_flag table_meta_flags[]; /* --snapshot */

enum exit_code table_meta_schema(const struct cli_args *args);
enum exit_code table_meta_snapshots(const struct cli_args *args);
enum exit_code table_meta_files(const struct cli_args *args);
enum exit_code table_meta_manifests(const struct cli_args *args);
enum exit_code table_meta_partitions(const struct cli_args *args);
enum exit_code table_meta_buckets(const struct cli_args *args);
enum exit_code table_meta_options(const struct cli_args *args);
