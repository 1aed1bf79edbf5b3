# The environment of every process on a cluster. Source it before `ray`, `serve` or `faceage`.
# The paths are those of the cluster files: the project is in ~/faceage on every node.

. ~/faceage/.venv/bin/activate

# Anyone who reaches Ray's ports could run code. With this setting Ray requires the token, which the
# cluster files copy to ~/.ray/auth_token on every node.
export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0

# Middleware of Serve's proxy on every node. It limits uploads and formats errors as the application
# formats them.
export RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=deployments.http.middleware.middlewares

# Stages call each other by gRPC, through servers that Serve starts anyway. They require the
# token. With calls through Ray's actors, a replica waits until its caller has received every answer
# and does nothing else. If the caller's host loses its network, the replica is lost too.
export RAY_SERVE_USE_GRPC_BY_DEFAULT=1

# Without this, gloo uses the address to which the hostname resolves, which is often 127.0.0.1.
interface=$(ip -o -4 route show to default | awk '{ print $5; exit }')
if [ -n "$interface" ]; then
    export GLOO_SOCKET_IFNAME=$interface NCCL_SOCKET_IFNAME=$interface
fi

# The head declares a node dead that has not responded for 5 to 20 s. With Ray's own values it takes
# 65 s, and requests that were sent to the node would wait that long.
export RAY_health_check_period_ms=1000 RAY_health_check_timeout_ms=3000

# A training that lost a node first requests as many workers as before. If they cannot be placed
# within this time, it continues with those that can.
export RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S=20

# Nodes wait this long for a lost head. The head recognises them if its state is in Redis. It knows
# which of them run from files in Ray's folder, which must survive a reboot; /tmp does not.
export RAY_gcs_rpc_server_reconnect_timeout_s=600
export RAY_TMPDIR=/var/tmp
