# A bank of two shards and a coordinator, for the scripts that read this file. They set: bank (the program), dir (an empty
# directory for everything that the bank writes).
# SPDX-License-Identifier: BSL-1.0
# shellcheck shell=bash disable=SC2154 # bank and dir

declare -A pids=() ports=() extra=() starts=()
members=(east west coordinator)

# Kills everything that this shell has started, for a trap.
cluster_kill() {
  local name
  for name in "${!pids[@]}"; do
    kill -KILL "${pids[$name]}" 2>/dev/null || true
    wait "${pids[$name]}" 2>/dev/null || true
  done
}

# Below the range from which the system takes ports for connections: nobody gets one while its process is being restarted.
free_port() {
  local lowest port
  read -r lowest _ </proc/sys/net/ipv4/ip_local_port_range
  for _ in {1..200}; do
    port=$((10000 + RANDOM % (lowest > 12000 ? lowest - 10000 : 2000)))
    [[ " ${ports[*]} " != *" $port "* ]] || continue
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  return 1
}

cluster_make() {
  local name
  head -c 32 /dev/urandom >"$dir/key"
  for name in "${members[@]}"; do
    mkdir "$dir/$name"
    ports[$name]=$(free_port)
    starts[$name]=0
  done
}

# start NAME [OPTION...]: and waits until it listens; returns 1 if it ends before that.
start() {
  local name=$1 log command
  shift
  starts[$name]=$((starts[$name] + 1))
  log=$dir/$name.${starts[$name]}.log
  case $name in
    coordinator)
      command=(coordinator --listen "${ports[coordinator]}" --shard "east=${ports[east]}" --shard "west=${ports[west]}")
      ;;
    # A journal that is compacted every second or so: that must not lose anything either.
    *) command=(shard --name "$name" --listen "${ports[$name]}" --sweep 0.5 --compact-above 262144) ;;
  esac
  : >"$log" # the shell makes the file in the background, perhaps later than it is read
  # The words in front, such as those of strace, are meant to be split.
  # shellcheck disable=SC2086
  ${extra[$name]:-} "$bank" "${command[@]}" --directory "$dir/$name" --key "$dir/key" "$@" >"$log" 2>&1 &
  pids[$name]=$!
  for _ in {1..400}; do
    ! grep -q 'listening' "$log" || return 0
    kill -0 "${pids[$name]}" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

log_of() { echo "$dir/$1.${starts[$1]}.log"; }

alive() { [ -n "${pids[$1]:-}" ] && kill -0 "${pids[$1]}" 2>/dev/null; }

# ended NAME: waits until the process has ended, and gives its exit status.
ended() {
  local status=0
  wait "${pids[$1]}" 2>/dev/null || status=$?
  unset "pids[$1]"
  return $status
}

# dies NAME SECONDS: whether the process ends within that time. Quietly: the shell would say that it was killed.
dies() {
  local end=$((SECONDS + $2 + 1))
  while alive "$1"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
} 2>/dev/null

# kill_9 NAME
kill_9() {
  kill -KILL "${pids[$1]}"
  ended "$1" || true
}

# stop NAME: in good order; returns its exit status.
stop() {
  kill -TERM "${pids[$1]}" && ended "$1"
}

# How many orders a shard held when it stopped.
held_by() { sed -n 's/.*stopped: .* \([0-9]*\) held;.*/\1/p' "$(log_of "$1")"; }

# Stops all, the coordinator first, when nothing is in doubt any more: what nobody decided is found by a later sweep.
# Returns 1 if there is still something in doubt after half a minute, 2 if a process did not stop in good order.
cluster_settle() {
  local name
  for _ in {1..15}; do
    for name in coordinator east west; do
      alive "$name" || start "$name" || return 2
    done
    for name in coordinator east west; do
      stop "$name" || return 2
    done
    [ "$(held_by east)$(held_by west)" != 00 ] || return 0
    for name in east west coordinator; do
      start "$name" || return 2
    done
    sleep 1.5
  done
  return 1
}

client() { "$bank" client --coordinator "${ports[coordinator]}" "$@"; }

# The same in the background. Not with `client &`, whose process is the shell's.
start_client() {
  "$bank" client --coordinator "${ports[coordinator]}" "$@" >>"$dir/client.log" 2>&1 &
  pids[client]=$!
}

audit() {
  local journal arguments=(--shard "$dir/east" --shard "$dir/west")
  for journal in "$dir"/*.journal; do
    arguments+=(--journal "$journal")
  done
  "$bank" audit "${arguments[@]}"
}
