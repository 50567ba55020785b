"""`make stop`: ends what `make demo KEEP=1` left running."""

from tools.demo.kept import stop_kept
from tools.supervisor import ROOT

if __name__ == "__main__":
    print("Stopped." if stop_kept(ROOT / "build") else "Nothing was left running.")
