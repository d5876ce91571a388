using System.IO.Pipes;

namespace PamuFastPath.Tests.Run;

/// <summary>Bytes behind a name that is a pipe, as a shell's <c>&lt;(command)</c> is: without a length, and to be read once.</summary>
internal sealed class PipeFile : IDisposable
{
    private readonly AnonymousPipeServerStream _pipe = new(PipeDirection.Out);
    private readonly Task _writing;

    public PipeFile(byte[] bytes)
    {
        Path = $"/proc/self/fd/{_pipe.GetClientHandleAsString()}";
        _writing = Task.Run(() =>
        {
            try
            {
                _pipe.Write(bytes);
                _pipe.Close();
            }
            catch (IOException)
            {
                // The reader stopped early; what the test expects of it says whether it should have.
            }
        });
    }

    public string Path { get; }

    public void Dispose()
    {
        _pipe.DisposeLocalCopyOfClientHandle(); // first: a writer whom nobody reads must not wait for ever
        _writing.Wait();
        _pipe.Dispose();
    }
}
