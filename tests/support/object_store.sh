# object_store.sh: a store of objects for scripts about fs-s3, sourced after lib.sh. S3 is the store's
# directory, STORE_PORT its port; faults_start puts store_faults.py before it.
[ -d "$PLUGIN_DIR/fs-s3" ] || skip "fs-s3 is not built"
npm_packages @20minutes/s3rver@4.0.4 # the newest that runs without Node.js 24
S3=$W/store
STORE_PORT=
STORE_PIDS=()
stop_store()
{
    local code=$? pid
    for pid in "${STORE_PIDS[@]}"; do
        kill "$pid" || true
    done
    set +e # finish must be reached, and looks at the code
    (exit $code)
    finish
}
trap stop_store EXIT

store_start() # [CERTIFICATE KEY]
{
    mkdir -p "$S3"
    # Its continuation tokens are made with DES, of all things.
    node --openssl-legacy-provider "$TESTS/support/object_store.js" "$W/node_modules" "$S3" "$W/store.port" "$@" \
        >"$W/out/store" 2>&1 &
    STORE_PIDS+=($!)
    wait_for 40 "the store" test -s "$W/store.port"
    STORE_PORT=$(cat "$W/store.port")
    printf '[default]\naws_access_key_id = S3RVER\naws_secret_access_key = S3RVER\n' >"$W/credentials"
    chmod 600 "$W/credentials"
}

faults_start()
{
    "$PYTHON" "$TESTS/support/store_faults.py" "$STORE_PORT" "$S3" "$W/faults.port" \
        "$W/requests" "$W/faults.json" >"$W/out/faults" 2>&1 &
    STORE_PIDS+=($!)
    wait_for 20 "what stands before the store" test -s "$W/faults.port"
    STORE_PORT=$(cat "$W/faults.port")
    : >"$W/requests"
}

faults() # JSON-LIST: from the next request on
{
    echo "$1" >"$W/faults.json.new"
    mv "$W/faults.json.new" "$W/faults.json"
}

use_store() # [PATCH]: a merge patch for the plugin's configuration
{
    echo "{\"endpoint\": \"http://127.0.0.1:$STORE_PORT\", \"bucket\": \"files\",
        \"credentials_file\": \"$W/credentials\", \"retry_delay_ms\": 10}" >"$W/s3.json"
    "$PYTHON" "$TESTS/support/merge.py" "$W/s3.json" "${1:-null}"
    configure "{\"workers\": 1, \"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}},
        {\"name\": \"objects\", \"plugin\": \"fs-s3\",
            \"isolation\": \"${SALLYPORT_ISOLATION:-in-process}\", \"config\": $(cat "$W/s3.json")}],
        \"mounts\": [{\"path\": \"/\", \"provider\": \"objects\"}]}"
}

object() # KEY: where the store keeps its contents
{
    echo "$S3/files/$1._S3rver_object"
}

uploads_left()
{
    find "$S3/files/._S3rver_uploads" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
}
