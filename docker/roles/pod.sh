# The pod does nothing but own the network namespace; it leaves at once on SIGTERM.
trap 'exit 0' TERM INT
sleep infinity &
wait
