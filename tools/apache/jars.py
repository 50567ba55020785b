"""Where Apache Kafka's programs come from: Maven resolves them once, as `pom.xml` says, into a folder that is kept."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tools.broker import BrokerError, tail
from tools.supervisor import ROOT

POM = Path(__file__).with_name("pom.xml")
RESOLVED_WITHIN = 300.0

_HINT = "on Debian: apt-get install openjdk-17-jre-headless maven"


def program(name: str) -> str:
    """The path of a program. Raises BrokerError that says how to get it."""
    found = shutil.which(name)
    if found is None:
        raise BrokerError(f"Apache Kafka needs {name}, which is not installed ({_HINT})")
    return found


def classpath() -> str:
    """What `java -cp` takes, resolved if that was not done yet for this `pom.xml`. Raises BrokerError with Maven's words."""
    folder = _cache() / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if not folder.exists():
        _resolve(folder)
    return f"{folder}/*"


def _cache() -> Path:
    return Path(os.environ.get("GEOWITHHOLD_KAFKA_JARS") or ROOT / "build" / "kafka")


def _resolve(folder: Path) -> None:
    """The folder appears whole or not at all, whoever else resolves at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    under_way = folder.with_name(f"{folder.name}.{os.getpid()}")
    log_path = folder.parent / "maven.log"
    with log_path.open("wb") as log:
        done = subprocess.run(
            [program("mvn"), "-B", "-q", "-f", POM, "dependency:copy-dependencies", "-DincludeScope=runtime",
             f"-DoutputDirectory={under_way}"],
            check=False, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=RESOLVED_WITHIN,
        )  # fmt: skip
    if done.returncode != 0:
        raise BrokerError(f"Maven could not resolve Apache Kafka. {log_path} ends:\n{tail(log_path)}")
    try:
        under_way.rename(folder)
    except OSError:
        shutil.rmtree(under_way)
