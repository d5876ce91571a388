using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>pamu_engine_...</summary>
internal static unsafe class EngineExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_engine_create")]
    internal static int Create(NativePlatform* platform, nint* engine)
    {
        try
        {
            if (engine == null)
            {
                return Answer.IsNull("engine");
            }

            var made = new NativeEngine(new PamuEngine(NativePlatform.Read(platform)));
            nint handle = Handles.NewNumber();
            Handles.Open(handle, made);
            *engine = handle;
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_engine_destroy")]
    internal static int Destroy(nint engine)
    {
        try
        {
            return Handles.Find<NativeEngine>(engine)?.Destroy(engine) ?? Answer.NotOpen("engine");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }
}
