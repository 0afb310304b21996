# Reads a password, makes a throw-away Postgres cluster in the folder $1, serves it on the first port that is free, and
# says which. When standard input closes, which is also how the parent's death is heard, it stops the cluster and removes
# the folder. $2 is the folder of the programs, the rest are ports.
set -eu
folder=$1
programs=$2
shift 2

end() {
    trap '' EXIT HUP INT TERM
    if [ -e "$folder/data/postmaster.pid" ]; then
        "$programs/pg_ctl" --pgdata="$folder/data" --mode=fast --silent stop || true
    fi
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 1' HUP INT TERM
trap '' PIPE

read -r password || exit 1
echo "$password" >"$folder/password"

# Nothing has to survive a crash, and shared memory lives in files because a container has little of the other kind.
"$programs/initdb" --pgdata="$folder/data" --username=ibid --pwfile="$folder/password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --no-sync --no-instructions \
    --set fsync=off --set synchronous_commit=off --set full_page_writes=off \
    --set max_connections=200 --set shared_buffers=128MB --set dynamic_shared_memory_type=mmap \
    --set listen_addresses=127.0.0.1 --set unix_socket_directories="$folder" \
    >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }

for port in "$@"; do
    if "$programs/pg_ctl" --pgdata="$folder/data" --log="$folder/log" --options="-p $port" --silent --wait start; then
        echo "$port"
        read -r _ || true
        exit 0
    fi
done
cat "$folder/log" >&2
exit 1
