# ssh2-sftp-client (of npm, as Node's applications use it): directories, files up and down in one piece,
# as streams and many at a time, append, rename, attributes, whole trees.
. "$(dirname "$0")/lib.sh"
npm_packages ssh2-sftp-client@12.0.1
daemon_start

random_file "$W/data" 3000000
mkdir -p "$W/tree/a/b"
for file in $(seq 40); do
    random_file "$W/tree/a/b/$file" $((file * 1999))
done
cat >"$W/client.js" <<'END'
const assert = require('assert');
const fs = require('fs');
const Client = require('ssh2-sftp-client');
const [work, port] = [process.argv[2], Number(process.argv[3])];

async function main() {
    const sftp = new Client();
    await sftp.connect({
        host: '127.0.0.1', port, username: 'alice',
        privateKey: fs.readFileSync(work + '/key'),
    });
    assert.strictEqual(await sftp.realPath('.'), '/');
    await sftp.mkdir('one/two/three', true);
    assert.strictEqual(await sftp.exists('one/two/three'), 'd');
    assert.strictEqual(await sftp.exists('one/none'), false);
    await sftp.fastPut(work + '/data', 'one/data');
    await sftp.put(fs.createReadStream(work + '/data'), 'one/streamed');
    await sftp.put(Buffer.from('first '), 'one/text');
    await sftp.append(Buffer.from('second'), 'one/text');
    assert.strictEqual((await sftp.get('one/text')).toString(), 'first second');
    await sftp.fastGet('one/streamed', work + '/out/data');
    const status = await sftp.stat('one/data');
    assert.strictEqual(status.size, 3000000);
    assert.ok(status.isFile);
    await sftp.chmod('one/text', 0o600);
    assert.strictEqual((await sftp.stat('one/text')).mode & 0o777, 0o600);
    await sftp.rename('one/text', 'one/renamed');
    await sftp.posixRename('one/streamed', 'one/data');
    await sftp.rcopy('one/data', 'one/copied');
    const names = (await sftp.list('one')).map((entry) => entry.name).sort();
    assert.deepStrictEqual(names, ['copied', 'data', 'renamed', 'two']);
    await sftp.uploadDir(work + '/tree', 'tree');
    await sftp.downloadDir('tree', work + '/out/tree');
    await assert.rejects(sftp.get('one/none'), /No such file/);
    await sftp.delete('one/renamed');
    await sftp.rmdir('one', true);
    assert.strictEqual(await sftp.exists('one'), false);
    await sftp.end();
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
END
(cd "$W" && timeout 60 node client.js "$W" "$PORT") || fail "ssh2-sftp-client failed"
expect_same_file "$W/data" "$W/out/data"
expect_same_tree "$W/tree" "$W/out/tree"
