"""deployments/serve.yaml agrees with Ray's schema and with the application that it deploys."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from ray.serve.schema import (
    DeploymentSchema,
    HTTPOptionsSchema,
    LoggingConfig,
    RayActorOptionsSchema,
    ServeApplicationSchema,
    ServeDeploySchema,
)

from deployments.app import AppArgs, build


@pytest.fixture(scope="module")
def config(repository: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((repository / "deployments/serve.yaml").read_text()))


def unknown_keys(model: type[BaseModel], config: dict[str, Any]) -> set[str]:
    """Keys that the schema would ignore silently."""
    return config.keys() - model.model_fields.keys()


def test_ray_s_schemas_contain_every_key(config: dict[str, Any]) -> None:
    from ray.serve.config import AutoscalingConfig

    ServeDeploySchema.model_validate(config)
    assert not unknown_keys(ServeDeploySchema, config)
    assert not unknown_keys(HTTPOptionsSchema, config["http_options"])
    assert not unknown_keys(LoggingConfig, config["logging_config"])
    (application,) = config["applications"]
    assert not unknown_keys(ServeApplicationSchema, application)
    for deployment in application["deployments"]:
        assert not unknown_keys(DeploymentSchema, deployment)
        assert not unknown_keys(RayActorOptionsSchema, deployment["ray_actor_options"])
        assert not unknown_keys(AutoscalingConfig, deployment["autoscaling_config"])


def test_a_misspelled_key_is_detected(config: dict[str, Any]) -> None:
    assert unknown_keys(ServeDeploySchema, {**config, "http_option": {}}) == {"http_option"}


def test_every_stage_has_two_replicas_and_time_to_finish_its_requests(
    config: dict[str, Any],
) -> None:
    (application,) = config["applications"]
    args = AppArgs.model_validate(application["args"])
    application_node = build(args)
    stages = {
        node._bound_deployment.name
        for node in (application_node, *application_node._bound_deployment.init_args[2:])
    }
    assert {deployment["name"] for deployment in application["deployments"]} == stages
    for deployment in application["deployments"]:
        assert deployment["autoscaling_config"]["min_replicas"] >= 2
        assert deployment["max_surge_percent"] == 100
        assert deployment["graceful_shutdown_timeout_s"] >= args.timeout_s
