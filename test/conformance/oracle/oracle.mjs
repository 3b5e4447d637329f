// The oracle in node: CPython 3.14 as pyodide carries it.
//
//     node test/conformance/oracle/oracle.mjs PYODIDE [--facts | --version] <programs
//
// PYODIDE is the folder of the npm package.
// SPDX-License-Identifier: BSL-1.0
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [folder, option] = process.argv.slice(2);
if (!folder || ![undefined, "--facts", "--version"].includes(option)) {
  console.error("usage: node oracle.mjs PYODIDE [--facts | --version]");
  process.exit(2);
}

// A chain of eager tasks needs more of the machine's stack than node allows by itself.
const stackSize = "--stack-size=3900";
if (!process.execArgv.includes(stackSize)) {
  const result = spawnSync(process.execPath, [stackSize, ...process.argv.slice(1)], { stdio: "inherit" });
  process.exit(result.status ?? 1);
}

const here = path.dirname(fileURLToPath(import.meta.url));
const { loadPyodide } = await import(pathToFileURL(path.resolve(folder, "pyodide.mjs")).href);
const python = await loadPyodide({ indexURL: path.resolve(folder), stdout: console.error, stderr: console.error });
python.FS.mkdir("/oracle");
for (const name of fs.readdirSync(here).filter((name) => name.endsWith(".py") && name !== "__main__.py")) {
  python.FS.writeFile(`/oracle/${name}`, fs.readFileSync(path.join(here, name)));
}
python.runPython(`
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, "/oracle")
import batch
if sys.version_info[:2] != batch.VERSION:
    raise SystemExit(f"the reference is CPython 3.14, this pyodide holds {batch.version()}")
`);
if (option === "--version") {
  console.log(python.runPython("batch.version()"));
  process.exit(0);
}

const answers = python.runPython(`batch.Batch(with_facts=${option === "--facts" ? "True" : "False"}).answers`);
let rest = "";
process.stdin.setEncoding("utf8");
for await (const part of process.stdin) {
  const end = part.lastIndexOf("\n") + 1;
  if (end === 0) {
    rest += part;
    continue;
  }
  const lines = rest + part.slice(0, end);
  rest = part.slice(end);
  if (!process.stdout.write(answers(lines))) await new Promise((drained) => process.stdout.once("drain", drained));
}
if (rest.trim()) process.stdout.write(answers(rest));
