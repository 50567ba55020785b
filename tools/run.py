"""`make run`: the whole stack in the foreground until Ctrl-C."""

import os
import sys
import threading

from tools.broker import BrokerError
from tools.stack import Stack, StackError, StackSettings, running_stack
from tools.supervisor import interruptible


def main() -> int:
    """Runs until SIGINT or SIGTERM. Returns 0 after a clean stop, 1 with a reason when the stack cannot be started."""
    try:
        with interruptible(), running_stack(StackSettings.from_env(os.environ)) as stack:
            print(greeting(stack), flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("stopped", flush=True)
    except (StackError, BrokerError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    return 0


def greeting(stack: Stack) -> str:
    """The addresses, and one request to begin with."""
    return f"""
blocklist  {stack.blocklist_url}/openapi.json
notifier   {stack.notifier_url}/openapi.json
Kafka      {stack.bootstrap}
state      {stack.settings.var_dir} (logs in {stack.log_dir})

Try:   curl -s {stack.blocklist_url}/v1/legal-bases
Stop:  Ctrl-C
"""


if __name__ == "__main__":
    sys.exit(main())
