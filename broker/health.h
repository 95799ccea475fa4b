/* health.h - does a broker answer? For supervisors and containers. */
#ifndef GREGOR_HEALTH_H
#define GREGOR_HEALTH_H

/* Ask the broker at "host:port" ("[v6]:port") for its versions. Prints one
 * line; 0 when it answered within 3 s, 1 when not, 2 when `address` is none. */
int health_main(const char *address);

#endif
