#!/bin/bash
# check_log_events.sh: docs/reference/log-events.md against the sources: every event that core/ logs
# has a row that names each of its fields, and every row is an event that is logged. Says what is
# wrong and ends with 1; needs nothing but bash, awk and perl.
set -euo pipefail
cd "$(dirname "$0")/../.."
page=docs/reference/log-events.md

# "event field field ..." for each call of a function named log_... or ..._log. session_end(),
# session_break() and session_fault() log the event that they are given; "connection.lost" is their word for an end that
# is told by connection.closed only.
logged()
{
    find core -name '*.c' -print0 | sort -z | xargs -0 perl -0777 -ne '
        while (/\b(log_\w+|\w+_log|session_end|session_break|session_fault)
                \s*(\((?:[^()"]++|"(?:[^"\\]|\\.)*"|(?2))*\))/gx) {
            my ($call, $span) = ($1, $2);
            my @fields = $span =~ /LOG_[A-Z0-9]+\(\s*"(\w+)"/g;
            @fields = ("conn", "reason") if $call eq "session_end";
            @fields = ("conn", "error") if $call =~ /^session_(break|fault)$/;
            for my $event ($span =~ /"([a-z]+\.[a-z_]+)"/g) {
                print "$event @fields\n" unless $event eq "connection.lost";
            }
        }'
}

logged | awk -v page="$page" '
    BEGIN {
        while ((getline line < page) > 0) {
            if (line !~ /^\| `[a-z]+\.[a-z_]+` \|/)
                continue
            split(line, cells, "|")
            event = cells[2]
            gsub(/[ `]/, "", event)
            documented[event] = documented[event] cells[4]
        }
    }
    {
        is_logged[$1] = 1
        if (!($1 in documented)) {
            if (!($1 in told))
                print page ": " $1 " is logged and not documented"
            told[$1] = wrong = 1
            next
        }
        for (i = 2; i <= NF; i++)
            if (index(documented[$1], "`" $i "`") == 0) {
                print page ": " $1 " has the field " $i ", which is not documented"
                wrong = 1
            }
    }
    END {
        for (event in documented)
            if (!(event in is_logged)) {
                print page ": " event " is documented and not logged"
                wrong = 1
            }
        if (NR == 0) {
            print "no event was found in core/"
            wrong = 1
        }
        exit wrong
    }'
echo "ok      log events"
