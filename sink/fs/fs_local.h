/* sink/fs/fs_local.h: the fs seam over a POSIX folder (local disk, NFS). Stateless: every call
 * names its path whole, so any thread may use it. */
#pragma once

#include "sink/fs/fs.h"

struct fs fs_local_open(void);
