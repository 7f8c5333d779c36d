"""Memory that a closed scan leaves is the system's again, not kept for the next one."""

import asyncio

import pytest
from vis3d_viewer import memory_use


def test_tidying_is_left_out_once_the_program_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_use, "REST_S", 0.0)
    complaints: list[object] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        memory_use.Tidying().soon()
        await loop.shutdown_default_executor()
        await asyncio.sleep(0.02)

    asyncio.run(work())
    assert not complaints


def test_tidying_waits_until_nothing_was_done_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tidied: list[str] = []
    monkeypatch.setattr(memory_use, "REST_S", 0.1)
    monkeypatch.setattr(memory_use, "give_back_memory", lambda: tidied.append("once"))

    async def work() -> None:
        tidying = memory_use.Tidying()
        for _ in range(4):
            tidying.soon()
            await asyncio.sleep(0.02)
        assert not tidied
        await asyncio.sleep(0.5)

    asyncio.run(work())
    assert tidied == ["once"]
