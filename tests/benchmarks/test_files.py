"""What a model file costs, against what reads its language alone; in CPU time."""

import pytest
from ruamel.yaml import YAML

import qmodel as qm

pytestmark = pytest.mark.benchmark


def test_a_file_of_two_hundred_services(interleaved, tmp_path):
    services = ""
    for i in range(200):
        calls = ", ".join(f"service {j}" for j in (2 * i + 1, 2 * i + 2) if j < 200)
        service = f"{{mean: {i % 9 + 1} ms, scv: 1.5}}, servers: {10 + i % 5}"
        services += f"  service {i}:\n    Service:\n      {{service: {service},\n"
        services += f"       calls: [{calls}]}}\n"
    file = tmp_path / "site.yaml"
    file.write_text(f"components:\n{services}path: {{microservices: {{entry: service 0}}}}\n")
    written = file.read_text()
    assert len(qm.read_model(file).model.stations) == 201

    def parsed():
        return [None for _ in YAML(typ="safe", pure=True).parse(written)]

    r = interleaved(lambda: qm.read_model(file), parsed, rounds=5)
    print(f"\na file of 200 services: {r} of its YAML alone, limit 4")
    assert r.median <= 4
