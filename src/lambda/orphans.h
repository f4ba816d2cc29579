/* lambda/orphans.h - what function processes leave behind */
#ifndef LAMBDA_ORPHANS_H
#define LAMBDA_ORPHANS_H

struct lambda_host;

void orphans_adopt(void);
void orphans_end(struct lambda_host *host);

#endif
