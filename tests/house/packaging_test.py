"""Dockerfile and docker-compose.yml, held honest without a container engine: package lists, mounts, manners,
mounted configurations, and the scripts of the demo writer where a PostgreSQL is there."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import uuid

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("PENSTOCK_TEST_PROGRAM", ROOT / "build" / "release" / "penstock"))


def packages(purpose):
    lines = (ROOT / "scripts" / "packages").read_text(encoding="utf-8").splitlines()
    return {line.split()[1] for line in lines if line.startswith(purpose + " ")}


def stages():
    """The package set of each stage of the Dockerfile, in order."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [set(re.findall(r"--no-install-recommends ([^&]+)&&", stage)[0].split())
            for stage in re.split(r"(?m)^FROM ", text)[1:]]


def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def needs_program(test):
    if not PROGRAM.exists():
        if os.environ.get("CI"):
            test.fail(f"{PROGRAM} was not built")
        test.skipTest(f"{PROGRAM} was not built")


class Dockerfile(unittest.TestCase):
    def test_installs_what_scripts_packages_lists(self):
        build, run = stages()
        self.assertEqual(build, packages("build"))
        self.assertEqual(run, packages("run"))

    def test_runtime_packages_hold_every_library_that_the_program_links(self):
        needs_program(self)
        told = subprocess.run(["readelf", "-d", PROGRAM], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"\(NEEDED\).*\[(.+)\]", told):
            owners = subprocess.run(["dpkg", "-S", f"*/{library}"], capture_output=True, text=True, check=True).stdout
            # A machine with libraries of a second architecture has several owners of one name.
            owners = {line.split(":")[0] for line in owners.splitlines()}
            with self.subTest(library):
                # These three are in every Debian image, or come with any C++ library.
                self.assertTrue(owners & (packages("run") | {"libc6", "libstdc++6", "libgcc-s1"}), owners)

    def test_runs_unprivileged(self):
        text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
        self.assertIn("\nUSER 65532:65532\n", text)
        self.assertIn('ENTRYPOINT ["/usr/bin/penstock"]', text)


class Compose(unittest.TestCase):
    def test_mounts_files_that_exist(self):
        described = compose()
        for name, service in described["services"].items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                with self.subTest(f"{name}: {source}"):
                    if source.startswith("."):
                        self.assertTrue((ROOT / source).is_file())
                    else:
                        self.assertIn(source, described["volumes"])
            for secret in service.get("secrets", []):
                self.assertTrue((ROOT / described["secrets"][secret]["file"]).is_file(), secret)

    def test_every_service_is_healthy_or_waited_for(self):
        services = compose()["services"]
        for name, service in services.items():
            with self.subTest(name):
                self.assertIn("healthcheck", service)
                for condition in service.get("depends_on", {}).values():
                    self.assertEqual(condition, {"condition": "service_healthy"})

    def test_images_are_pinned_and_ports_stay_on_loopback(self):
        for name, service in compose()["services"].items():
            with self.subTest(name):
                if "image" in service:
                    self.assertRegex(service["image"], r":\d+\.\d+")
                for port in service.get("ports", []):
                    self.assertTrue(port.startswith("127.0.0.1:"), port)

    def test_penstock_runs_confined(self):
        service = compose()["services"]["penstock"]
        self.assertTrue(service["read_only"])
        self.assertEqual(service["cap_drop"], ["ALL"])
        self.assertIn("no-new-privileges:true", service["security_opt"])
        self.assertEqual(service["healthcheck"]["test"][:4], ["CMD", "penstock", "status", "--quiet"])

    def test_metrics_are_published_where_the_program_listens(self):
        config = (ROOT / "deploy" / "compose" / "penstock.toml").read_text(encoding="utf-8")
        port = re.search(r'(?m)^listen = "0\.0\.0\.0:(\d+)"$', config)[1]
        self.assertIn(f"127.0.0.1:{port}:{port}", compose()["services"]["penstock"]["ports"])
        self.assertIn(f"\nEXPOSE {port}\n", (ROOT / "Dockerfile").read_text(encoding="utf-8"))

    def test_mounted_configurations_pass_validate(self):
        needs_program(self)
        described = compose()
        checked = 0
        for service in described["services"].values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if not source.endswith(".toml"):
                    continue
                text = (ROOT / source).read_text(encoding="utf-8")
                for secret, where in described["secrets"].items():
                    text = text.replace(f'"/run/secrets/{secret}"', json.dumps(str(ROOT / where["file"])))
                self.assertNotIn("/run/secrets/", text)
                with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
                    config.write(text)
                    config.flush()
                    done = subprocess.run([PROGRAM, "validate", "--offline", config.name],
                                          capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, f"{source}: {done.stdout}{done.stderr}")
                checked += 1
        self.assertGreater(checked, 0)


class OrdersService(unittest.TestCase):
    def test_commits_orders_and_events_together(self):
        server = os.environ.get("PENSTOCK_TEST_POSTGRES")
        if not server:
            if os.environ.get("CI"):
                self.fail("PENSTOCK_TEST_POSTGRES is not set")
            self.skipTest("PENSTOCK_TEST_POSTGRES is not set")
        name = f"penstock_test_{uuid.uuid4().hex[:12]}"
        url = server.rpartition("/")[0] + "/" + name

        def psql(address, *arguments):
            return subprocess.run(["psql", "-q", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", address, *arguments],
                                  capture_output=True, text=True, check=True).stdout.strip()
        psql(server, "-c", f"create database {name}")
        try:
            psql(url, "-f", str(ROOT / "deploy" / "compose" / "orders.sql"))
            with tempfile.NamedTemporaryFile("w") as secret:
                secret.write(url)
                secret.flush()
                subprocess.run(["sh", ROOT / "deploy" / "compose" / "orders.sh"], check=True,
                               env=os.environ | {"DATABASE_URL_FILE": secret.name, "ORDERS": "3", "PAUSE": "0"})
            self.assertEqual(psql(url, "-c", "select count(*) from shop.orders o "
                                             "join shop.outbox x on x.aggregateid = o.id::text"), "3")
        finally:
            psql(server, "-c", f"drop database {name} with (force)")


if __name__ == "__main__":
    unittest.main()
