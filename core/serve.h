/* serve.h: the life of a worker. */
#ifndef SALLYPORT_SERVE_H
#define SALLYPORT_SERVE_H

/* Be a worker: config_file is only a name, the text comes from the supervisor. Returns the exit
 * status. */
int serve_run(const char *config_file);

#endif
