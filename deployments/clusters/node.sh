# What every process of a cluster starts with; source it before `ray`, `serve` or `faceage`.
# Paths are those of the cluster files: the project lies in ~/faceage on every node.

. ~/faceage/.venv/bin/activate

# Whoever reaches Ray's ports can run code: nothing is answered without the token, which the cluster
# files copy to ~/.ray/auth_token on every node.
export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0

# Serve's proxy on every node bounds uploads and words its refusals as the application does.
export RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=deployments.http.middleware.middlewares

# Stages are called by gRPC, over servers that Serve starts in any case and that want the token.
# Called as Ray's actors, a replica waits until its caller has noted every answer, and does nothing
# else meanwhile: one whose caller's host is cut off is lost with it.
export RAY_SERVE_USE_GRPC_BY_DEFAULT=1

# gloo would take the address that a host's own name stands for, which is often 127.0.0.1.
interface=$(ip -o -4 route show to default | awk '{ print $5; exit }')
if [ -n "$interface" ]; then
    export GLOO_SOCKET_IFNAME=$interface NCCL_SOCKET_IFNAME=$interface
fi

# A node that does not answer the head is given up after 5 to 20 s. With Ray's own values it takes
# 65 s, for which requests would wait that the service sent there.
export RAY_health_check_period_ms=1000 RAY_health_check_timeout_ms=3000

# A training that lost a node first asks for the workers it had, of nodes as it last knew them; only
# when they cannot be placed for so long does it go on with those that can.
export RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S=20

# Nodes wait so long for a head that is gone; it knows them again if its state is in Redis, and which
# of them run if what it noted in Ray's folder outlives a restart, which /tmp does not.
export RAY_gcs_rpc_server_reconnect_timeout_s=600
export RAY_TMPDIR=/var/tmp
