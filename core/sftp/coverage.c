/* coverage.c: see coverage.h. */
#include "sftp/coverage.h"

#include <string.h>

static void take_out(struct sftp_coverage *coverage, uint32_t at, uint32_t count)
{
    memmove(&coverage->ranges[at], &coverage->ranges[at + count],
            (coverage->count - at - count) * sizeof coverage->ranges[0]);
    coverage->count -= count;
}

static void put_in(struct sftp_coverage *coverage, uint32_t at, struct sftp_range range)
{
    if (at == SFTP_COVERAGE_RANGES)
        return;
    if (coverage->count == SFTP_COVERAGE_RANGES)
        coverage->count--; /* the one that is farthest away */
    memmove(&coverage->ranges[at + 1], &coverage->ranges[at],
            (coverage->count - at) * sizeof coverage->ranges[0]);
    coverage->ranges[at] = range;
    coverage->count++;
}

void sftp_coverage_add(struct sftp_coverage *coverage, uint64_t from, uint64_t to)
{
    if (from >= to || to <= coverage->to)
        return;
    if (from <= coverage->to) {
        uint32_t reached = 0;
        coverage->to = to;
        while (reached < coverage->count && coverage->ranges[reached].from <= coverage->to) {
            if (coverage->ranges[reached].to > coverage->to)
                coverage->to = coverage->ranges[reached].to;
            reached++;
        }
        take_out(coverage, 0, reached);
        return;
    }
    struct sftp_range range = {from, to};
    uint32_t first = 0, last;
    while (first < coverage->count && coverage->ranges[first].to < from)
        first++;
    for (last = first; last < coverage->count && coverage->ranges[last].from <= to; last++) {
        if (coverage->ranges[last].from < range.from)
            range.from = coverage->ranges[last].from;
        if (coverage->ranges[last].to > range.to)
            range.to = coverage->ranges[last].to;
    }
    take_out(coverage, first, last - first);
    put_in(coverage, first, range);
}
