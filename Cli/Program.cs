using System.CommandLine;
using PamuFastPath.Cli.Conform;

var root = new RootCommand("PamuFastPath: an aperture-and-window IOMMU for emulators.") { ConformCommand.Create() };
return root.Parse(args).Invoke();
