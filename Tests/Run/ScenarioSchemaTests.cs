using System.Text.Json;
using PamuFastPath.Cli.Run;
using PamuFastPath.Cli.Run.Scenarios;

namespace PamuFastPath.Tests.Run;

/// <summary>The JSON schema for editors and the shapes the reader goes by are two texts; here they are compared.</summary>
public class ScenarioSchemaTests
{
    private static readonly JsonElement Schema = JsonDocument.Parse(
        File.ReadAllText(Path.Combine(RunCase.Repository, "scenarios/scenario.schema.json"))).RootElement;

    private static readonly JsonElement Definitions = Schema.GetProperty("$defs");

    private static IEnumerable<Shape> Shapes =>
        [Shape.File, Shape.Platform, Shape.StashTarget, Shape.Group, Shape.Message, Shape.Access, .. StepShapes.All];

    [Fact]
    public void EveryShapeHasTheFieldsOfItsSchemaAndRequiresTheSame()
    {
        foreach (Shape shape in Shapes)
        {
            JsonElement schema = shape.Name.Length == 0 ? Schema : Definitions.GetProperty(shape.Name);
            IEnumerable<string> fields = schema.GetProperty("properties").EnumerateObject().Select(static field => field.Name);
            IEnumerable<string> required = schema.TryGetProperty("required", out JsonElement names) ? Strings(names) : [];
            Assert.Equal(shape.Fields.Order(), fields.Order());
            Assert.Equal(shape.Required.Order(), required.Order());
            Assert.False(schema.GetProperty("additionalProperties").GetBoolean(), $"{shape.Name}: unknown fields are refused");
        }
    }

    [Fact]
    public void EveryObjectOfTheSchemaIsAShape()
    {
        string[] objects = [.. Definitions.EnumerateObject()
            .Where(static definition => definition.Value.TryGetProperty("properties", out _)).Select(static definition => definition.Name)];
        Assert.Equal(Shapes.Select(static shape => shape.Name).Where(static name => name.Length > 0).Order(), objects.Order());
    }

    [Fact]
    public void EveryStepOfTheSchemaIsAStep()
    {
        JsonElement steps = Definitions.GetProperty("step").GetProperty("oneOf");
        string[] names = [.. steps.EnumerateArray().Select(static step => step.GetProperty("$ref").GetString()!["#/$defs/".Length..])];
        Assert.Equal(StepShapes.All.Select(static shape => shape.Name), names, StringComparer.Ordinal);
        Assert.All(names, static name => Assert.Equal(
            name, Definitions.GetProperty(name).GetProperty("properties").GetProperty("call").GetProperty("const").GetString()));
    }

    [Fact]
    public void TheNamesOfErrnosAndOutcomesAreTheSame()
    {
        Assert.Equal(Enum.GetNames<Errno>(), Strings(Definitions.GetProperty("errno").GetProperty("enum")));
        JsonElement expect = Definitions.GetProperty("access").GetProperty("properties").GetProperty("expect");
        Assert.Equal(Outcome.ByName.Keys.Order(), Strings(expect.GetProperty("enum")).Order());
    }

    [Fact]
    public void EveryShippedScenarioNamesTheSchemaAndIsRead()
    {
        string[] files = [.. Directory.GetFiles(Path.Combine(RunCase.Repository, "scenarios"), "*.json")
            .Where(static file => !file.EndsWith(".schema.json", StringComparison.Ordinal))];
        Assert.True(files.Length >= 3, "the scenarios are there");
        Assert.All(files, static file =>
        {
            Assert.Contains("\"$schema\": \"./scenario.schema.json\"", File.ReadAllText(file), StringComparison.Ordinal);
            Assert.NotEmpty(ScenarioReader.Read(file).Steps);
        });
    }

    private static IEnumerable<string> Strings(JsonElement array) => array.EnumerateArray().Select(static item => item.GetString()!);
}
