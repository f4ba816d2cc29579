/* process/resolver.h - the process that asks for addresses of names */
#ifndef PROCESS_RESOLVER_H
#define PROCESS_RESOLVER_H

#include "process/worker.h"

int resolver_run(const struct worker_start *start);

#endif
