# Sourced by the tools: their command lines in JVMs that stay (warm/Warm.java). They are the stock ones, as when started
# anew: each call has its own connections, user and output.

# Ports inside the pod that nobody else has.
warm_port() { case $1 in hdfs) echo 30980 ;; beeline) echo 30981 ;; esac; }

# warm NAME ARGS...: runs the command there and exits as it does; returns where there is no such JVM.
warm() {
  local port pipes readers feed code
  port=$(warm_port "$1")
  shift
  port_open "$port" 2>/dev/null || return 0
  exec 8<>"/dev/tcp/localhost/$port"
  pipes=$(mktemp -d)
  mkfifo "$pipes/in" "$pipes/out" "$pipes/err"
  cat "$pipes/out" & readers=$!
  cat "$pipes/err" >&2 & readers+=" $!"
  cat <&0 >"$pipes/in" & feed=$!
  printf '%s\0' $(($# + 3)) "$pipes" "${LOGIN_PRINCIPAL:+$KRB5CCNAME}" "${LOGIN_PRINCIPAL:-}" "$@" >&8
  # shellcheck disable=SC2086
  if read -r code <&8; then wait $readers || true; else kill $readers; code=70; fi
  kill "$feed" 2>/dev/null || true
  rm -r "$pipes"
  exit "$code"
}
