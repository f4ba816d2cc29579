/* process/cpus.h - how many workers this machine, or our share of it, keeps
 * busy */
#ifndef PROCESS_CPUS_H
#define PROCESS_CPUS_H

unsigned cpus_usable(void);
unsigned cpus_limit(unsigned cpus, long long quota, long long period);
unsigned cpus_in_groups(unsigned cpus, const char *membership,
    const char *root);

#endif
