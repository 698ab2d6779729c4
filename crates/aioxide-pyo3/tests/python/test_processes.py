"""Ends of loops, threads and processes, each in a process of its own."""


def test_threads_wake_while_loops_close(program):
    assert (
        program("""
        async def main():
            for _ in range(4):
                task = asyncio.get_running_loop().create_task(probe.woken_by_threads(16))
                await asyncio.sleep(0)
                if _ % 2:
                    task.cancel()

        for _ in range(50):
            run(main)
        print("closed")
    """).output()
        == "closed\n"
    )


def test_threads_wake_while_the_process_ends(program):
    assert (
        program("""
        async def main():
            for _ in range(20):
                asyncio.get_running_loop().create_task(probe.woken_by_threads(16))
            await asyncio.sleep(0)

        run(main)
        print("ending")
    """).output()
        == "ending\n"
    )


def test_loops_in_several_threads(program):
    assert (
        program("""
        import threading

        results = []

        async def main():
            results.append(await probe.join(0.002, 0.001))
            results.append(await probe.woken_by_threads(8))
            results.append(await probe.tokio_hop())
            results.append(await probe.blocks(0.001))

        threads = [threading.Thread(target=run, args=(main,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(len(results), results.count((1, 2)), results.count(8), results.count(1))
    """).output()
        == "16 4 4 8\n"
    )  # True is 1.


def test_one_that_has_begun_stays_on_its_thread(program):
    assert (
        program("""
        import threading

        async def main():
            coroutine = probe.forever()
            coroutine.send(None)

            async def other():
                coroutine.send(None)

            def elsewhere():
                try:
                    run(other)
                except RuntimeError as error:
                    print(type(error).__name__)

            thread = threading.Thread(target=elsewhere)
            thread.start()
            await asyncio.to_thread(thread.join)

        sys.unraisablehook = lambda it: None
        run(main)
    """).output()
        == "RuntimeError\n"
    )


def test_the_child_of_a_fork_has_loops_of_its_own(program):
    assert (
        program("""
        async def main():
            assert await probe.woken_by_threads(4) == 4
            return await probe.later(0.001, 5)

        async def parent():
            await main()
            child = os.fork()
            if child == 0:
                # The parent's loop is left as it is.
                try:
                    asyncio.events._set_running_loop(None)
                    asyncio.set_event_loop(None)
                    status = run(main)
                finally:
                    os._exit(status)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 5, status
            return await main()

        import warnings
        warnings.simplefilter("ignore")
        status = 1
        print(run(parent))
    """).output()
        == "5\n"
    )


def test_debug_mode(program):
    assert (
        program("""
        async def main():
            assert await probe.woken_by_threads(8) == 8
            assert await probe.later(0.001, 1) == 1
            assert await probe.spawns(3) == 3

        run(main, debug=True)
        print("fine")
    """).output()
        == "fine\n"
    )


def test_a_sub_interpreter_is_refused_with_a_sentence(program):
    text = program("""
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        number = interpreters.create()
        code = '''
        import importlib.machinery, importlib.util
        loader = importlib.machinery.ExtensionFileLoader(%r, %r)
        spec = importlib.util.spec_from_file_location(%r, %r, loader=loader)
        try:
            module = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
            module.nothing()
            print("was let in", flush=True)
        # The interpreter's and PyO3's are the former; up to Python 3.11 it is this crate's.
        except (ImportError, RuntimeError) as error:
            print(error, flush=True)
        ''' % ((probe.__name__, probe.__file__) * 2)
        import textwrap
        interpreters.run_string(number, textwrap.dedent(code))
    """).output()
    assert "interpreter" in text and "let in" not in text
