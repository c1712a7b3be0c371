# fs-s3 and a store that fails: what can be tried again is, what cannot is told, in bounded time; what
# is not whole does not appear; and nothing is left of uploads that were cut off.
# seconds: 180
. "$(dirname "$0")/lib.sh"
. "$TESTS/support/object_store.sh"
need sftp
store_start
faults_start
use_store '{"part_bytes": 5242880, "retries": 3}'
add_user alice '{"root": ""}'
daemon_start
random_file "$W/data" 17000000
random_file "$W/small" 1000
batch() # COMMANDS: what sftp prints about them
{
    echo "$1" | sftp_ target 2>&1 | grep -v '^sftp> ' || true
}
asked() # REGEX: how many requests
{
    grep -cE -- "$1" "$W/requests" || true
}
there_and_back() # WHAT
{
    : >"$W/requests"
    expect_equal "$(batch "put $W/data data"$'\n'"get data $W/out/data")" "" "$1"
    expect_same_file "$W/data" "$W/out/data"
    faults '[]'
}
no_object() # NAME
{
    [ ! -e "$(object "$1")" ] || fail "$1 is there"
    expect_equal "$(uploads_left)" 0 "uploads that are left at the store"
}
xml() # CODE MESSAGE
{
    echo "<?xml version='1.0'?><Error><Code>$1</Code><Message>$2</Message></Error>"
}

# Tried again, and right in the end.
there_and_back "without faults"
faults "[{\"match\": \"PUT .*partNumber=2\", \"times\": 2, \"do\": \"answer\", \"status\": 503, \"body\": \"$(xml SlowDown Slowly)\"}]"
there_and_back "a store that is busy"
expect_equal "$(asked 'PUT .*partNumber=2')" 3 "tries"
faults '[{"match": "PUT .*partNumber=1", "times": 1, "do": "reset"}, {"match": "GET /files/data", "times": 2, "do": "truncate"},
    {"match": "POST .*uploads=", "times": 1, "do": "lost"}]'
there_and_back "connections that break"
batch 'rm data' >/dev/null
faults '[{"match": "POST .*uploadId=", "times": 1, "do": "lost"}]'
there_and_back "an answer that is lost after the object was made"
expect_equal "$(asked 'POST .*uploadId=')" 2 "tries"
rm -rf "$S3/files/._S3rver_uploads" # the upload whose name was lost

# Given up, and told.
faults "[{\"match\": \"PUT .*partNumber=3\", \"do\": \"answer\", \"status\": 403, \"body\": \"$(xml AccessDenied 'Not you')\"}]"
expect_match "$(batch "put $W/data bad")" 'Permission denied' "a part that is refused"
wait_log 'files/bad: AccessDenied: Not you .*give this access key the right'
no_object bad
faults "[{\"match\": \"POST .*uploadId=\", \"do\": \"answer\", \"status\": 200, \"body\": \"$(xml InternalError 'Try later')\"}]"
expect_match "$(batch "put $W/data bad")" 'Failure' "an error in what looks like a success"
wait_log 'files/bad: InternalError: Try later'
no_object bad
faults "[{\"match\": \"PUT /files/bad\", \"do\": \"answer\", \"status\": 507, \"body\": \"$(xml XMinioStorageFull 'Full')\"}]"
expect_match "$(batch "put $W/small bad")" 'Failure' "a store that is full"
wait_log 'files/bad: XMinioStorageFull: Full'
no_object bad
faults '[{"match": "GET /files/data", "do": "truncate"}]'
expect_match "$(batch "get data $W/out/short")" 'data' "an answer that is always cut off"
for body in 'no XML' '' '<ListBucketResult><Contents><Key>x</Key>' \
    '<!DOCTYPE a [<!ENTITY b "bbbbbbbb">]><a>&b;</a>' \
    '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'; do
    faults "$("$PYTHON" -c 'import json, sys
print(json.dumps([{"match": "GET /files.*list-type", "do": "answer", "status": 200, "body": sys.argv[1]}]))' "$body")"
    expect_match "$(batch 'ls nowhere')" 'cannot be read|nowhere' "a listing like '$body'"
done
faults '[]'

# A listing of what was not asked for: nothing is moved by it, and nothing deleted.
batch "mkdir dir"$'\n'"put $W/small dir/f"$'\n'"put $W/small bystander" >/dev/null
for key in bystander d; do
    faults "[{\"match\": \"GET /files.*list-type.*prefix=dir\", \"do\": \"answer\", \"status\": 200, \"body\":
        \"<ListBucketResult><Contents><Key>$key</Key></Contents></ListBucketResult>\"}]"
    expect_match "$(batch 'rename dir other')" 'not below it|Failure' "a directory that is listed as '$key'"
done
faults '[]'
expect_same_file "$W/small" "$(object bystander)"
expect_same_file "$W/small" "$(object dir/f)"

# Replaced while it is read: no mixture of both is handed out.
PYTHONPATH=$TESTS/support W=$W "$PYTHON" - <<'PY'
import os
import paramiko_client as p
data = open(os.environ["W"] + "/data", "rb").read()
with p.sftp_client() as sftp:
    file = sftp.open("data", "rb")
    assert file.read(100) == data[:100]
    with sftp.open("data", "wb") as other:
        other.write(data[::-1])
    try:
        file.seek(16000000)
        part = file.read(100)
    except IOError as error:
        assert "replaced" in str(error), error
    else:
        raise AssertionError("read on in another file")
PY

# A client that goes away in the middle leaves nothing. Two parts are on their way and held up; the file
# is so large that the rest cannot be in anybody's buffers.
truncate -s 40M "$W/forty"
put_with_sftp()
{
    sftp_ target <<<"put $W/forty killed" # no pipe: sftp is the child that is killed
}
put_with_scp()
{
    scp_ -O "$W/forty" target:killed
}
for put in put_with_sftp put_with_scp; do
    : >"$W/requests"
    faults '[{"match": "PUT .*partNumber=", "do": "wait"}]'
    $put >/dev/null 2>&1 &
    client=$!
    wait_for 30 "the upload's beginning" grep -q 'POST /files/killed?uploads=' "$W/requests"
    for child in $(pgrep -P $client); do
        kill -KILL "$child" || true
    done
    wait $client 2>/dev/null || true
    faults '[]'
    wait_for 30 "the end of $put" grep -q 'DELETE /files/killed?uploadId=.* 204' "$W/requests"
    no_object killed
done

# Copies do not come by here; the checksum of one that was uploaded whole is the store's.
expect_equal "$(batch "put $W/small small")" "" "a small file"
: >"$W/requests"
expect_equal "$(batch 'cp small copy')" "" "a copy"
expect_equal "$(asked 'GET /files/small')" 0 "reads for a copy"
expect_same_file "$W/small" "$(object copy)"

# Keys that are renewed are read again; wrong ones open nothing, and no secret is in the log.
sed -i 's/= S3RVER$/= WRONG/' "$W/credentials"
wait_log 'credentials_file .* has been read again'
expect_match "$(batch "put $W/small other")" 'Permission denied' "wrong keys"
sed -i 's/WRONG$/S3RVER/' "$W/credentials"
wait_for 20 "the right keys" sh -c "echo 'get small $W/out/small' | sftp -q -b - -F '$W/ssh_config' target"
expect_same_file "$W/small" "$W/out/small"
expect_no_log 'S3RVER|aws_secret'

# One that does not answer holds a client for so long, and no longer.
use_store '{"timeout_ms": 1500}'
reload >/dev/null
begin=$SECONDS
faults '[{"match": "HEAD /files/small", "do": "wait"}]'
expect_match "$(batch "get small $W/out/never")" 'small' "a store that does not answer"
expect_less $((SECONDS - begin)) 20 "seconds until that is told"
faults '[]'
