/* sink/format/avro_file.h: the format seam over Avro container files. */
#pragma once

#include "sink/format/format.h"

extern const struct format_ops avro_file_ops;
