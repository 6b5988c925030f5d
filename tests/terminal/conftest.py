"""Tests of this folder that use the scene run in virtual time."""

from __future__ import annotations

from tests.support.actions_scene import pytest_asyncio_loop_factories, scene

__all__ = ["pytest_asyncio_loop_factories", "scene"]
