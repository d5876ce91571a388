return PamuFastPath.Cli.PamuCli.Run(args, Console.Out, Console.Error);
