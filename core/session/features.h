/* features.h: what this build can and cannot do, for `sallyport version --features`. */
#ifndef SALLYPORT_SESSION_FEATURES_H
#define SALLYPORT_SESSION_FEATURES_H

#include <stdio.h>

void session_features_print(FILE *out);

#endif
