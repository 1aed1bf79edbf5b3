# What every process of a cluster starts with; source it before `ray`, `serve` or `faceage`.
# Paths are those of the cluster files: the project lies in ~/faceage on every node.

. ~/faceage/.venv/bin/activate

# Whoever reaches Ray's ports can run code: nothing is answered without the token, which the cluster
# files copy to ~/.ray/auth_token on every node.
export RAY_AUTH_MODE=token
export RAY_USAGE_STATS_ENABLED=0

# Serve's proxy on every node bounds uploads and words its refusals as the application does.
export RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH=deployments.edge.middlewares

# gloo would take the address that a host's own name stands for, which is often 127.0.0.1.
interface=$(ip -o -4 route show to default | awk '{ print $5; exit }')
if [ -n "$interface" ]; then
    export GLOO_SOCKET_IFNAME=$interface NCCL_SOCKET_IFNAME=$interface
fi
