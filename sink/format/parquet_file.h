/* sink/format/parquet_file.h: Parquet data files behind the format seam (paimon-format §7.9). */
#pragma once

#include "sink/format/format.h"

extern const struct format_ops parquet_file_ops;
