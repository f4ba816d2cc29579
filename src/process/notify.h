/* process/notify.h - telling systemd how the service is */
#ifndef PROCESS_NOTIFY_H
#define PROCESS_NOTIFY_H

#include <stdbool.h>

bool notify_wanted(void);
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));
void notify_reloading(void);

#endif
