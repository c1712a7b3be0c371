/*
 * coverage.h: which bytes of a file have been read, from its beginning on: what follows without a
 * gap as one number, what came early in a few ranges. Pure functions.
 */
#ifndef SALLYPORT_SFTP_COVERAGE_H
#define SALLYPORT_SFTP_COVERAGE_H

#include <stdint.h>

/* Further ranges than these are forgotten: then the bytes count only when they are read again. */
#define SFTP_COVERAGE_RANGES 16u

struct sftp_coverage {
    uint64_t to; /* all bytes below this were read */
    uint32_t count;
    struct sftp_range {
        uint64_t from, to;
    } ranges[SFTP_COVERAGE_RANGES]; /* beyond, in order, with gaps between them */
};

void sftp_coverage_add(struct sftp_coverage *coverage, uint64_t from, uint64_t to);

#endif
