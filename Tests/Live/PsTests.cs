using System.Diagnostics;
using System.Text.Json;
using static PamuFastPath.Tests.Live.WatchedProcess;

namespace PamuFastPath.Tests.Live;

/// <summary><c>pamu ps</c> finds processes by what they have loaded, and opens no session to look.</summary>
public class PsTests
{
    [Fact]
    public void A_process_with_the_engine_is_listed_and_not_listened_to()
    {
        using var child = new WatchedProcess();
        JsonElement own = Listed(child.Id)!.Value;
        Assert.Equal(("managed", true), (own.GetProperty("hosting").GetString(), own.GetProperty("visible").GetBoolean()));
        Assert.Contains(" watched 2", own.GetProperty("command").GetString(), StringComparison.Ordinal);
        Assert.False(child.Look().IsListenedTo);
        (_, string text, _) = Pamu("ps");
        Assert.Contains(text.Split('\n'), line => line.TrimStart().StartsWith($"{child.Id}  yes ", StringComparison.Ordinal));
        child.End();
        Assert.Null(Listed(child.Id));
    }

    [Fact]
    public void The_native_library_is_said_to_be_not_visible_and_monitor_says_so_too()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("pamu-ps-");
        string library = Path.Combine(directory.FullName, "libpamufastpath.so.1"); // any library by that name in its memory map
        string some = File.ReadLines("/proc/self/maps").First(static line => line.EndsWith("/libm.so.6", StringComparison.Ordinal));
        File.Copy(some[some.IndexOf('/', StringComparison.Ordinal)..], library);
        var start = new ProcessStartInfo("sleep", ["60"]);
        start.Environment["LD_PRELOAD"] = library;
        using Process native = Process.Start(start)!;
        try
        {
            Assert.True(SpinWait.SpinUntil(() => Listed(native.Id) != null, TimeSpan.FromMinutes(1)), "not listed");
            JsonElement own = Listed(native.Id)!.Value;
            Assert.Equal(("native", false), (own.GetProperty("hosting").GetString(), own.GetProperty("visible").GetBoolean()));
            (int code, _, string error) = Pamu("monitor", "--pid", $"{native.Id}");
            Assert.Equal(2, code);
            Assert.Contains("has the native library, which has no diagnostics endpoint", error, StringComparison.Ordinal);
        }
        finally
        {
            native.Kill();
            native.WaitForExit();
            directory.Delete(recursive: true);
        }
    }

    private static JsonElement? Listed(int pid)
    {
        (int code, string output, string error) = Pamu("ps", "--json");
        Assert.Equal((0, ""), (code, error));
        return JsonSerializer.Deserialize<JsonElement[]>(output)!
            .Select(static one => (JsonElement?)one)
            .FirstOrDefault(one => one!.Value.GetProperty("pid").GetInt32() == pid);
    }
}
