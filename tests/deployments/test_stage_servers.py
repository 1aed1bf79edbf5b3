"""The gRPC servers of the stages: they listen on the network and require the token."""

from collections import Counter

import grpc
import psutil
import pytest
from ray.serve.generated.serve_pb2 import ASGIRequest  # type: ignore[attr-defined]  # made at run time
from ray.serve.generated.serve_pb2_grpc import ASGIServiceStub

from .conftest import Running

pytestmark = pytest.mark.serve

STAGES = ("Ingress", "Detector", "AgeEstimator", "Verifier")


def test_a_call_to_a_stage_without_the_token_is_rejected(running_service: Running) -> None:
    rejected: Counter[str] = Counter()
    for process in psutil.Process().children(recursive=True):
        name = next((stage for stage in STAGES if f":{stage}" in " ".join(process.cmdline())), None)
        if name is None:
            continue
        for connection in process.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                rejected[name] += _rejects_a_call_without_token(connection.laddr.port)
    assert rejected.keys() == set(STAGES)
    assert all(count >= 1 for count in rejected.values())


def _rejects_a_call_without_token(port: int) -> bool:
    """Whether the port is a stage's server; a call without the token must never succeed."""
    request = ASGIRequest(pickled_request_metadata=b"x")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ASGIServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        with pytest.raises(grpc.RpcError) as caught:
            stub.HandleRequest(request, timeout=10)
    code = caught.value.code()
    assert code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.UNIMPLEMENTED)
    return bool(code == grpc.StatusCode.UNAUTHENTICATED)
