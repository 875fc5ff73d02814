/* Job files: any bytes give a job or an error that names the file, never more. */
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/jobspec.h"
#include "config/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_nodes(const struct tree_node *n, unsigned depth)
{
    size_t count = 1;
    must(depth <= 32);
    must(n->line >= 1 && n->column >= 1);
    for (size_t i = 0; i < n->count; i++) {
        must(n->kind != TREE_SCALAR);
        must((n->kind == TREE_MAP) == (n->children[i].key.len > 0));
        count += count_nodes(&n->children[i], depth + 1);
    }
    return count;
}

static bool mentions(struct str text, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, word, len) == 0) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct error err = {0};
    struct tree *tree = NULL;
    struct jobspec job;
    log_set_level(LOG_LEVEL_ERROR);
    if (mentions(text, "file:")) {
        return 0; /* any path, also of a device that never ends */
    }
    if (tree_parse(text, "job.yaml", &tree, &err)) {
        must(count_nodes(tree_root(tree), 0) <= 100000);
        tree_free(tree);
    } else {
        must(err.code == FAIL_CONFIG && strncmp(err.text, "job.yaml:", 9) == 0);
    }
    if (jobspec_parse(text, "job.yaml", &job, &err)) {
        must(job.pipeline.name.len >= 1 && job.pipeline.name.len <= 100);
        must(job.sink.warehouse.len > 0 && job.source->kind == TREE_MAP);
        jobspec_release(&job);
    } else {
        must(err.code == FAIL_CONFIG && strncmp(err.text, "job.yaml:", 9) == 0);
    }
    return 0;
}
