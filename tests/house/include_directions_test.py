"""The check of include directions finds what is wrong: tested with planted includes."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check(files):
    """Runs the check over a small tree; returns exit code and output."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        done = subprocess.run([ROOT / "scripts" / "check-includes", folder], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout


class IncludeDirections(unittest.TestCase):
    def test_hold_in_this_project(self):
        done = subprocess.run([ROOT / "scripts" / "check-includes"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_right_includes_pass(self):
        code, told = check({
            "core/error.h": "#include <string>\n#include <tl/expected.hpp>\n",
            "relay/route.cc": '#include "core/error.h"\n#include <sys/types.h>\n',
            "tests/unit/route_test.cc": '#include <pqxx/pqxx>\n#include "relay/route.cc"\n',
        })
        self.assertEqual((code, told), (0, ""))

    def test_relay_must_not_know_a_connector(self):
        code, told = check({
            "connectors/kafka/kafka_sink.h": "",
            "relay/route.cc": '#include <string>\n#include "connectors/kafka/kafka_sink.h"\n',
        })
        self.assertEqual(code, 1)
        self.assertIn("relay/route.cc:2: relay must not include connectors/kafka", told)

    def test_core_must_not_look_outwards(self):
        code, told = check({"store/store.h": "", "core/event.h": '#include "store/store.h"\n'})
        self.assertEqual(code, 1)
        self.assertIn("core/event.h:1:", told)

    def test_one_adapter_must_not_know_another(self):
        code, _ = check({"store/sqlite/file.h": "", "store/postgres/log.cc": '#include "store/sqlite/file.h"\n'})
        self.assertEqual(code, 1)

    def test_a_new_connector_needs_no_row(self):
        tree = {"connectors/webhook/webhook_sink.h": '#include "connectors/sink.h"\n#include <fmt/format.h>\n',
                "connectors/sink.h": "", "connectors/kafka/kafka_sink.h": ""}
        use = '#include "connectors/webhook/webhook_sink.h"\n'
        self.assertEqual(check(tree | {"cli/catalogue.cc": use}), (0, ""))
        for place in ("relay/route.cc", "connectors/kafka/producer.cc"):
            with self.subTest(place):
                code, told = check(tree | {place: use})
                self.assertEqual(code, 1)
                self.assertIn("must not include connectors/webhook", told)
        self.assertEqual(check(tree | {"connectors/webhook/a.cc": '#include "connectors/kafka/kafka_sink.h"\n'})[0], 1)

    def test_third_party_outside_of_its_room(self):
        for header in ("librdkafka/rdkafka.h", "pqxx/pqxx", "libpq-fe.h", "sqlite3.h", "toml++/toml.h",
                       "rabbitmq-c/amqp.h", "amqp.h", "spdlog/spdlog.h", "CLI/CLI.hpp", "nlohmann/json.hpp",
                       "boost/beast.hpp", "prometheus/registry.h"):
            with self.subTest(header):
                code, told = check({"relay/route.cc": f"#include <{header}>\n"})
                self.assertEqual(code, 1)
                self.assertIn("relay/route.cc:1:", told)

    def test_json_library_stays_out_of_core_headers(self):
        self.assertEqual(check({"core/json_text.cc": "#include <nlohmann/json.hpp>\n"})[0], 0)
        self.assertEqual(check({"core/json_text.h": "#include <nlohmann/json.hpp>\n"})[0], 1)

    def test_http_and_metrics_libraries_stay_out_of_headers_of_the_api(self):
        for header in ("boost/beast.hpp", "prometheus/metric_family.h"):
            self.assertEqual(check({"api/server.cc": f"#include <{header}>\n"})[0], 0)
            self.assertEqual(check({"api/server.h": f"#include <{header}>\n"})[0], 1)

    def test_the_relay_must_not_know_the_api(self):
        tree = {"api/server.h": "", "relay/route.h": ""}
        self.assertEqual(check(tree | {"relay/route.cc": '#include "relay/route.h"\n#include "api/server.h"\n'})[0], 1)
        self.assertEqual(check(tree | {"api/server.cc": '#include "api/server.h"\n#include "relay/route.h"\n'})[0], 0)

    def test_only_the_shared_session_crosses_into_the_outbox(self):
        tree = {"store/postgres/session.h": "", "store/postgres/log.h": ""}
        self.assertEqual(check(tree | {"connectors/outbox/a.cc": '#include "store/postgres/session.h"\n'})[0], 0)
        self.assertEqual(check(tree | {"connectors/outbox/a.cc": '#include "store/postgres/log.h"\n'})[0], 1)

    def test_unknown_third_party_needs_a_decision(self):
        code, told = check({"relay/route.cc": "#include <absl/strings/string_view.h>\n"})
        self.assertEqual(code, 1)
        self.assertIn("say in scripts/check-includes", told)

    def test_a_source_begins_with_the_header_of_its_name(self):
        tree = {"core/error.h": "", "core/ids.h": ""}
        right = '// Why.\n#include "core/error.h"\n\n#include <string>\n'
        self.assertEqual(check(tree | {"core/error.cc": right})[0], 0)
        for wrong in ('#include <string>\n#include "core/error.h"\n', '#include "core/ids.h"\n'):
            with self.subTest(wrong):
                code, told = check(tree | {"core/error.cc": wrong})
                self.assertEqual(code, 1)
                self.assertIn('core/error.cc:1: "core/error.h" must be included first', told)
        self.assertEqual(check(tree | {"core/error.cc": ""})[0], 1)

    def test_an_empty_tree_is_no_success(self):
        self.assertEqual(check({"README.md": ""})[0], 64)


if __name__ == "__main__":
    unittest.main()
