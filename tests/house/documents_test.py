"""Documents that keep their word: every TOML block passes `validate --offline`, every command exists, every link
leads somewhere."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("PENSTOCK_TEST_PROGRAM", ROOT / "build" / "release" / "penstock"))
LINK = re.compile(r"([^\[\]]*)\]\(([^)#\s]*)(?:#([^)]*))?\)")


def documents():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "*.md"],
                            capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return sorted(ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists())
    return sorted(path for path in ROOT.rglob("*.md") if "build" not in path.relative_to(ROOT).parts)


def blocks(language):
    """(document, line, text) of every fenced block of a language."""
    for document in documents():
        text = document.read_text(encoding="utf-8")
        for found in re.finditer(rf"(?ms)^( *)```{language}\n(.*?)^ *```$", text):
            yield document.relative_to(ROOT), text.count("\n", 0, found.start()) + 1, found[2]


def links(document):
    """(text, file, heading or empty) of every link to a file of the tree."""
    return [(text, (document.parent / name).resolve() if name else document, anchor)
            for text, name, anchor in LINK.findall(document.read_text(encoding="utf-8"))
            if not re.match(r"[a-z]+:", name)]


def anchors(document):
    """What links call the headings of a document."""
    text = re.sub(r"(?ms)^( *)```.*?^ *```$", "", document.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"(?m)^#+ (.+)$", text)}


def needs_program(test):
    if not PROGRAM.exists():
        if os.environ.get("CI"):
            test.fail(f"{PROGRAM} was not built")
        test.skipTest(f"{PROGRAM} was not built")


class Documents(unittest.TestCase):
    def test_every_toml_block_passes_validate(self):
        needs_program(self)
        count = 0
        for document, line, text in blocks("toml"):
            count += 1
            with self.subTest(f"{document}:{line}"), tempfile.TemporaryDirectory() as folder:
                config = pathlib.Path(folder) / "penstock.toml"
                # References need something to refer to.
                for reference in re.findall(r'\{ *file *= *"([^"]+)" *\}', text):
                    text = text.replace(f'"{reference}"', f'"{folder}/secret"')
                (pathlib.Path(folder) / "secret").write_text("postgresql://user@127.0.0.1/shop", encoding="utf-8")
                config.write_text(text, encoding="utf-8")
                variables = {name: "postgresql://user@127.0.0.1/shop" for name in re.findall(r'\{ *env *= *"(\w+)" *\}', text)}
                done = subprocess.run([PROGRAM, "validate", "--offline", config], capture_output=True, text=True,
                                      check=False, env=os.environ | variables)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreater(count, 0)

    def test_every_command_exists(self):
        needs_program(self)
        verbs = set()
        for _, _, text in blocks("(?:sh|bash|console)"):
            verbs |= set(re.findall(r"(?m)(?:^|[/ ])penstock ([a-z]+)\b", text))
        self.assertTrue(verbs)
        for verb in sorted(verbs):
            with self.subTest(verb):
                done = subprocess.run([PROGRAM, verb, "--help"], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_script_that_is_named_exists(self):
        for document in documents():
            for name in set(re.findall(r"\bscripts/([a-z0-9-]+)", document.read_text(encoding="utf-8"))):
                with self.subTest(f"{document.relative_to(ROOT)}: scripts/{name}"):
                    self.assertTrue((ROOT / "scripts" / name).exists())

    def test_every_link_between_documents_leads_somewhere(self):
        for document in documents():
            for _, target, anchor in links(document):
                with self.subTest(f"{document.relative_to(ROOT)}: {target}#{anchor}"):
                    self.assertTrue(target.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(target))

    def test_the_readme_leads_to_every_document(self):
        found, ahead = set(), [ROOT / "README.md"]
        while ahead:
            document = ahead.pop()
            if document not in found and document.suffix == ".md":
                found.add(document)
                ahead += [target for _, target, _ in links(document)]
        for document in documents():
            if document.is_relative_to(ROOT / "docs"):
                with self.subTest(str(document.relative_to(ROOT))):
                    self.assertTrue(document in found, "no link leads here")

    def test_decisions_are_listed_by_their_titles(self):
        folder = ROOT / "docs" / "decisions"
        titles = [(page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# "), page.name)
                  for page in sorted(folder.glob("[0-9]*.md"))]
        self.assertEqual([(text, target.name) for text, target, _ in links(folder / "README.md")], titles)


if __name__ == "__main__":
    unittest.main()
