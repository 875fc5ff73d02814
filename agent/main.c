/* agent/main.c: the program. */
#include "agent/cli.h"
#include "base/mem.h"

int main(int argc, char **argv)
{
    mem_tune();
    return (int)cli_main(argc, argv);
}
